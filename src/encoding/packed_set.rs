//! A small set as one value: the payload of a Meta value whose elements do not stand by themselves.
//!
//! | bytes | what |
//! |-------|------|
//! | 1     | the [`Form`] that OBJECT ENCODING names: 0 intset, 1 listpack, 2 hashtable |
//! | rest  | for each member: its length (varint), the member. Of form 0 in numeric order, else as they were added |
//!
//! A big set keeps a [`Collection`] in its Meta value, and behind that the one byte of its form; its members stand in
//! the Element family, with empty values.

use super::meta::Collection;
use super::varint;

/// What Redis would keep a set in. A set only moves on to the next one, never back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Form {
    /// All members ever added are integers.
    Intset = 0,
    /// Few and short members.
    Listpack = 1,
    /// Anything.
    Hashtable = 2,
}

impl Form {
    /// As OBJECT ENCODING answers.
    pub const fn name(self) -> &'static str {
        match self {
            Form::Intset => "intset",
            Form::Listpack => "listpack",
            Form::Hashtable => "hashtable",
        }
    }

    fn from_number(number: u8) -> Option<Form> {
        [Form::Intset, Form::Listpack, Form::Hashtable].get(usize::from(number)).copied()
    }
}

/// The members of a packed set. Ends early at bytes that are none.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        varint::read_bytes(&mut self.rest)
    }
}

/// The form of a packed set, and its members. `None` if the payload is of no set.
pub fn parse(payload: &[u8]) -> Option<(Form, Members<'_>)> {
    let (&form, rest) = payload.split_first()?;
    Some((Form::from_number(form)?, Members { rest }))
}

/// The members of a set that does not exist.
pub fn nothing<'a>() -> Members<'a> {
    Members { rest: &[] }
}

/// The payload of a packed set; `None` if it would be longer than `most` bytes.
pub fn pack<'m>(form: Form, members: impl Iterator<Item = &'m [u8]> + Clone, most: usize) -> Option<Vec<u8>> {
    let mut least = 1usize;
    for member in members.clone() {
        least = least.saturating_add(member.len() + 1);
        if least > most {
            return None;
        }
    }
    // The length of a long member takes a byte more, and there cannot be many.
    let mut out = Vec::with_capacity(least + 32);
    out.push(form as u8);
    members.for_each(|member| varint::write_bytes(&mut out, member));
    (out.len() <= most).then_some(out)
}

/// The payload of a big set's Meta value.
pub fn collection_payload(collection: Collection, form: Form) -> Vec<u8> {
    let mut out = collection.encode();
    out.push(form as u8);
    out
}

/// The form of a big set, by the payload of its Meta value.
pub fn collection_form(payload: &[u8]) -> Option<Form> {
    Form::from_number(*payload.last()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_these() {
        let members = [&b"-1"[..], b"", b"7"];
        let packed = pack(Form::Intset, members.into_iter(), 4096).unwrap();
        assert_eq!(packed, b"\x00\x02-1\x00\x017");
        let long = [b'x'; 200];
        let packed = pack(Form::Hashtable, [&long[..]].into_iter(), 4096).unwrap();
        assert_eq!(packed[..3], [2, 0xc8, 1]);
        let big = collection_payload(Collection { version: 0x0102_0304_0506_0708, len: 300 }, Form::Listpack);
        assert_eq!(big, [1, 2, 3, 4, 5, 6, 7, 8, 0xac, 2, 1]);
    }

    #[test]
    fn members_read_back_in_order_and_a_cut_payload_ends_early() {
        for form in [Form::Intset, Form::Listpack, Form::Hashtable] {
            let members = [&b"b"[..], b"", &[7; 300]];
            let packed = pack(form, members.into_iter(), 4096).unwrap();
            let (read, found) = parse(&packed).unwrap();
            assert!(read == form && found.eq(members));
            for cut in 1..packed.len() {
                assert!(parse(&packed[..cut]).unwrap().1.count() < 3);
            }
            let big = collection_payload(Collection { version: 9, len: 1 << 40 }, form);
            assert_eq!(collection_form(&big), Some(form));
        }
        assert!(parse(b"").is_none() && parse(b"\x03").is_none());
    }

    #[test]
    fn no_payload_is_longer_than_the_limit() {
        let member = [b'x'; 10];
        // One byte of form, one of length.
        assert_eq!(pack(Form::Listpack, [&member[..]].into_iter(), 12).unwrap().len(), 12);
        assert_eq!(pack(Form::Listpack, [&member[..]].into_iter(), 11), None);
    }
}
