//! The patterns of SORT's BY and GET.

use crate::encoding::meta::Type;
use crate::keyspace::transaction::{Need, Stop, Transaction};
use crate::types::hash::Hash;

/// What a pattern stands for, with an element put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// One without `*`: nothing.
    Nothing,
    /// The string under a key, or a field of the hash under it.
    Key {
        /// What comes before the element in the key's name.
        before: &'a [u8],
        /// What comes behind it.
        behind: &'a [u8],
        /// The field.
        field: Option<&'a [u8]>,
    },
}

/// As Redis sees texts here: a NUL ends them.
pub(super) fn until_nul(text: &[u8]) -> &[u8] {
    memchr::memchr(0, text).map_or(text, |end| &text[..end])
}

impl<'a> Pattern<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Pattern<'a> {
        let visible = until_nul(text);
        if visible == b"#" {
            return Pattern::Element;
        }
        let Some(star) = memchr::memchr(b'*', visible) else { return Pattern::Nothing };
        // `->` separates a field only if something follows it.
        let arrow = visible[star + 1..].windows(2).position(|pair| pair == b"->").map(|at| star + 1 + at);
        let arrow = arrow.filter(|at| at + 2 < visible.len());
        Pattern::Key {
            before: &text[..star],
            behind: &text[star + 1..arrow.unwrap_or(text.len())],
            field: arrow.map(|at| &text[at + 2..]),
        }
    }

    /// What it stands for with each of the elements; `None` where nothing is.
    pub(super) fn find_all(
        &self,
        txn: &mut Transaction<'_>,
        elements: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, Stop> {
        let Pattern::Key { before, behind, field } = *self else {
            let itself = *self == Pattern::Element;
            return Ok(elements.iter().map(|element| itself.then(|| element.clone())).collect());
        };
        let keys: Vec<Vec<u8>> = elements.iter().map(|element| [before, element, behind].concat()).collect();
        txn.prefetch(keys.iter().map(Vec::as_slice))?;
        let mut found = Vec::with_capacity(keys.len());
        let mut needs: Vec<Need> = Vec::new();
        for key in &keys {
            match find(txn, key, field) {
                Ok(value) => found.push(value),
                Err(Stop::Need(more)) => needs.extend(more),
                Err(other) => return Err(other),
            }
        }
        if needs.is_empty() { Ok(found) } else { Err(Stop::Need(needs)) }
    }
}

fn find(txn: &mut Transaction<'_>, key: &[u8], field: Option<&[u8]>) -> Result<Option<Vec<u8>>, Stop> {
    let entry = txn.lookup(key)?;
    let Some(meta) = entry.meta() else { return Ok(None) };
    match (meta.kind, field) {
        (Type::String, None) => Ok(Some(meta.payload.to_vec())),
        (Type::Hash, Some(field)) => Ok(Hash::open(&entry)?.get(txn, field)?.map(|value| value.to_vec())),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_redis_reads_them() {
        let key = |before: &'static str, behind: &'static str, field: Option<&'static str>| Pattern::Key {
            before: before.as_bytes(),
            behind: behind.as_bytes(),
            field: field.map(str::as_bytes),
        };
        for (text, pattern) in [
            ("#", Pattern::Element),
            ("#\0*", Pattern::Element),
            ("##", Pattern::Nothing),
            ("", Pattern::Nothing),
            ("a\0*", Pattern::Nothing),
            ("*", key("", "", None)),
            ("a*b", key("a", "b", None)),
            ("a*b*", key("a", "b*", None)),
            ("a*->f", key("a", "", Some("f"))),
            ("a*b->f->g", key("a", "b", Some("f->g"))),
            ("a*->", key("a", "->", None)),
            ("a*->->", key("a", "", Some("->"))),
            ("a->*b", key("a->", "b", None)),
            ("a*\0->f", key("a", "\0->f", None)),
        ] {
            assert_eq!(Pattern::parse(text.as_bytes()), pattern, "{text:?}");
        }
    }
}
