//! A reply as the model gives it, and as [`crate::testing::show`] prints the server's.

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    Number(i64),
    Bulk(Vec<u8>),
    Nil,
    Status(&'static str),
    Error(&'static str),
    Array(Vec<Reply>),
}

impl Reply {
    pub(super) fn count(count: usize) -> Reply {
        Reply::Number(count as i64)
    }

    pub(super) fn flag(flag: bool) -> Reply {
        Reply::Number(i64::from(flag))
    }

    pub(super) fn bulk(text: impl AsRef<[u8]>) -> Reply {
        Reply::Bulk(text.as_ref().to_vec())
    }

    pub(super) fn array<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Reply {
        Reply::Array(items.into_iter().map(Reply::bulk).collect())
    }

    pub(super) fn maybe<T: AsRef<[u8]>>(item: Option<T>) -> Reply {
        item.map_or(Reply::Nil, Reply::bulk)
    }

    pub(super) fn show(&self) -> String {
        self.show_within("")
    }

    fn show_within(&self, indent: &str) -> String {
        match self {
            Reply::Number(number) => format!("(integer) {number}"),
            Reply::Bulk(bytes) => format!("\"{}\"", bytes.escape_ascii().to_string().replace("\\'", "'")),
            Reply::Nil => "(nil)".into(),
            Reply::Status(text) => (*text).into(),
            Reply::Error(text) => format!("(error) {text}"),
            Reply::Array(items) if items.is_empty() => "(empty array)".into(),
            Reply::Array(items) => {
                let inner = format!("{indent}   ");
                let lines = items.iter().enumerate();
                let lines = lines.map(|(at, item)| format!("{}) {}", at + 1, item.show_within(&inner)));
                lines.collect::<Vec<_>>().join(&format!("\n{indent}"))
            }
        }
    }
}
