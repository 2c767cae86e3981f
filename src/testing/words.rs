//! Commands and replies as text.

/// Splits a line into words.
pub(super) fn split(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut word = Vec::new();
            let mut bytes = quoted.bytes().enumerate();
            let mut end = quoted.len();
            while let Some((index, byte)) = bytes.next() {
                match byte {
                    b'"' => {
                        end = index + 1;
                        break;
                    }
                    b'\\' => match bytes.next().map(|(_, byte)| byte) {
                        Some(b'n') => word.push(b'\n'),
                        Some(b'r') => word.push(b'\r'),
                        Some(b'x') => {
                            let mut digit =
                                || bytes.next().and_then(|(_, b)| (b as char).to_digit(16)).unwrap_or(0);
                            word.push((digit() * 16 + digit()) as u8);
                        }
                        Some(other) => word.push(other),
                        None => {}
                    },
                    other => word.push(other),
                }
            }
            words.push(word);
            rest = quoted[end..].trim_start();
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            words.push(rest.as_bytes()[..end].to_vec());
            rest = rest[end..].trim_start();
        }
    }
    words
}

/// Formats a raw reply as redis-cli does.
pub fn show(mut raw: &[u8]) -> String {
    let text = show_value(&mut raw, "");
    assert!(raw.is_empty(), "bytes behind the reply: {:?}", String::from_utf8_lossy(raw));
    text
}

fn show_value(raw: &mut &[u8], indent: &str) -> String {
    let end = raw.windows(2).position(|pair| pair == b"\r\n").expect("a whole line");
    let line = String::from_utf8_lossy(&raw[1..end]).into_owned();
    let kind = raw[0];
    *raw = &raw[end + 2..];
    let number = || line.parse::<i64>().expect("a length");
    match kind {
        b'+' => line,
        b'-' => format!("(error) {line}"),
        b':' => format!("(integer) {line}"),
        b',' => format!("(double) {line}"),
        b'#' => format!("({})", if line == "t" { "true" } else { "false" }),
        b'_' => "(nil)".into(),
        b'$' if number() < 0 => "(nil)".into(),
        b'$' => {
            let length = number() as usize;
            let text = raw[..length].escape_ascii().to_string();
            *raw = &raw[length + 2..];
            format!("\"{}\"", text.replace("\\'", "'"))
        }
        b'*' if number() < 0 => "(nil)".into(),
        b'*' | b'~' | b'>' | b'%' => {
            let count = number() * if kind == b'%' { 2 } else { 1 };
            if count == 0 {
                return "(empty array)".into();
            }
            let inner = format!("{indent}   ");
            let items: Vec<String> =
                (1..=count).map(|index| format!("{index}) {}", show_value(raw, &inner))).collect();
            items.join(&format!("\n{indent}"))
        }
        other => panic!("unknown reply type {}", other as char),
    }
}
