//! A small hash as one value: the payload of a Meta value whose elements do not stand by themselves.
//!
//! For each field, in the order of insertion: length of the field (varint), the field, expiry (varint, Unix
//! time in ms, 0 = none), length of the value (varint), the value.
//!
//! A big hash keeps a [`Collection`] in its Meta value instead, and behind that one byte 1 if a field has, or
//! once had, an expiry; its fields stand in the Element family, each with an
//! [`element_head`] and its value.

use smallvec::{SmallVec, smallvec};

use super::meta::Collection;
use super::varint;

/// One field of a packed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// When it expires, Unix time in ms.
    pub expire_ms: Option<u64>,
    /// Its value.
    pub value: &'a [u8],
}

/// The fields of a packed hash, in the order of insertion. Ends early at bytes that are none.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields in `payload`.
pub fn fields(payload: &[u8]) -> Fields<'_> {
    Fields { rest: payload }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let name = varint::read_bytes(&mut self.rest)?;
        let time = varint::read(&mut self.rest)?;
        let value = varint::read_bytes(&mut self.rest)?;
        Some(Field { name, expire_ms: (time != 0).then_some(time), value })
    }
}

/// Appends a field.
pub fn push(out: &mut Vec<u8>, field: Field<'_>) {
    varint::write_bytes(out, field.name);
    varint::write(out, field.expire_ms.unwrap_or(0));
    varint::write_bytes(out, field.value);
}

/// The first field of a name.
pub fn find<'a>(payload: &'a [u8], name: &[u8]) -> Option<Field<'a>> {
    fields(payload).find(|field| field.name == name)
}

/// What stands before the value of an element of a hash whose fields stand by themselves: expiry (varint, 0 = none).
pub fn element_head(expire_ms: Option<u64>) -> SmallVec<[u8; 16]> {
    match expire_ms {
        None => smallvec![0],
        Some(time) => {
            let mut bytes = Vec::with_capacity(10);
            varint::write(&mut bytes, time);
            SmallVec::from_vec(bytes)
        }
    }
}

/// The payload of a big hash's Meta value. `timed`: a field has, or once had, an expiry.
pub fn collection_payload(collection: Collection, timed: bool) -> Vec<u8> {
    let mut out = collection.encode();
    if timed {
        out.push(1);
    }
    out
}

/// Whether a field of a big hash may have an expiry, by the payload of its Meta value.
pub fn is_timed(payload: &[u8], collection: Collection) -> bool {
    // Nothing but that byte can stand behind the collection.
    payload.len() > collection.encoded_len()
}

/// Takes an element's value apart: expiry and value.
pub fn parse_element(mut bytes: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let time = varint::read(&mut bytes)?;
    Some(((time != 0).then_some(time), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_back_in_order_and_a_cut_payload_ends_early() {
        let all = [
            Field { name: b"", expire_ms: None, value: b"" },
            Field { name: b"f", expire_ms: Some(u64::MAX), value: &[7; 300] },
        ];
        let mut payload = Vec::new();
        all.iter().for_each(|field| push(&mut payload, *field));
        assert!(fields(&payload).eq(all));
        for cut in 0..payload.len() {
            assert!(fields(&payload[..cut]).count() < 2);
        }
    }

    #[test]
    fn a_big_hash_says_whether_its_fields_may_expire() {
        let collection = Collection { version: 7, len: 300 };
        for timed in [false, true] {
            let payload = collection_payload(collection, timed);
            assert_eq!(is_timed(&payload, collection), timed);
            let meta = crate::encoding::meta::Meta {
                by_elements: true,
                payload: &payload,
                ..crate::encoding::meta::Meta::string(b"", None)
            };
            assert_eq!(meta.collection(), Some(collection));
        }
    }

    #[test]
    fn elements_read_back() {
        for expire_ms in [None, Some(1), Some(1 << 40)] {
            assert_eq!(
                parse_element(&[&element_head(expire_ms)[..], b"v"].concat()),
                Some((expire_ms, &b"v"[..]))
            );
        }
    }
}
