//! The value of a Meta key: what the key holds.
//!
//! | bytes | what |
//! |-------|------|
//! | 1     | low four bits: [`Type`]; bit 4: an expiry follows; bit 5: elements stand in the Element family; bit 6: OBJECT ENCODING left the compact form for good |
//! | 8     | if bit 4: expiry, Unix time in ms, big-endian |
//! | rest  | string: its bytes, or (bit 5 set) version `u64` big-endian, length in bytes (varint): [`crate::types::string`]. Small collection (bit 5 clear): [`super::packed_hash`], [`super::packed_list`], [`super::packed_set`], [`super::sorted_set`]. Collection by elements (bit 5 set): version `u64` big-endian, number of elements (varint), and what the type adds |

use super::key::Version;
use super::varint;

/// The type of a key. The numbers are on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Type {
    /// A string.
    String = 0,
    /// A hash.
    Hash = 1,
    /// A list.
    List = 2,
    /// A set.
    Set = 3,
    /// A sorted set.
    SortedSet = 4,
    /// A stream.
    Stream = 5,
}

impl Type {
    /// How many types there are.
    pub const COUNT: usize = 6;
    /// All types, in the order of their numbers.
    pub const ALL: [Type; Type::COUNT] =
        [Type::String, Type::Hash, Type::List, Type::Set, Type::SortedSet, Type::Stream];

    /// As TYPE answers.
    pub const fn name(self) -> &'static str {
        match self {
            Type::String => "string",
            Type::Hash => "hash",
            Type::List => "list",
            Type::Set => "set",
            Type::SortedSet => "zset",
            Type::Stream => "stream",
        }
    }

    fn from_number(number: u8) -> Option<Type> {
        Type::ALL.get(number as usize).copied()
    }
}

const TYPE_MASK: u8 = 0x0f;
const HAS_EXPIRY: u8 = 0x10;
const BY_ELEMENTS: u8 = 0x20;
const EXPANDED: u8 = 0x40;

/// A Meta value taken apart; borrows its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta<'a> {
    /// Type of the key.
    pub kind: Type,
    /// When the key expires, Unix time in ms.
    pub expire_ms: Option<u64>,
    /// Whether the elements stand one by one in the Element family.
    pub by_elements: bool,
    /// Whether OBJECT ENCODING has left the compact form (as in Redis, it does not come back).
    pub expanded: bool,
    /// The rest: see the table above.
    pub payload: &'a [u8],
}

impl<'a> Meta<'a> {
    /// A string.
    pub fn string(payload: &'a [u8], expire_ms: Option<u64>) -> Meta<'a> {
        Meta { kind: Type::String, expire_ms, by_elements: false, expanded: false, payload }
    }

    /// Takes a value apart; `None` if the bytes are none (a corrupt store).
    pub fn parse(bytes: &'a [u8]) -> Option<Meta<'a>> {
        let (&flags, rest) = bytes.split_first()?;
        let kind = Type::from_number(flags & TYPE_MASK)?;
        let (expire_ms, payload) = if flags & HAS_EXPIRY != 0 {
            let (time, payload) = rest.split_first_chunk::<8>()?;
            (Some(u64::from_be_bytes(*time)), payload)
        } else {
            (None, rest)
        };
        Some(Meta {
            kind,
            expire_ms,
            by_elements: flags & BY_ELEMENTS != 0,
            expanded: flags & EXPANDED != 0,
            payload,
        })
    }

    /// The first bytes of the value, before the payload.
    pub fn header(&self) -> smallvec::SmallVec<[u8; 16]> {
        let mut out = smallvec::SmallVec::new();
        let mut flags = self.kind as u8;
        flags |= if self.expire_ms.is_some() { HAS_EXPIRY } else { 0 };
        flags |= if self.by_elements { BY_ELEMENTS } else { 0 };
        flags |= if self.expanded { EXPANDED } else { 0 };
        out.push(flags);
        if let Some(time) = self.expire_ms {
            out.extend_from_slice(&time.to_be_bytes());
        }
        out
    }

    /// The whole value.
    pub fn encode(&self) -> Vec<u8> {
        let header = self.header();
        let mut out = Vec::with_capacity(header.len() + self.payload.len());
        out.extend_from_slice(&header);
        out.extend_from_slice(self.payload);
        out
    }

    /// Whether the key is hidden at `now_ms`, though it may still be stored.
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.expire_ms.is_some_and(|time| time <= now_ms)
    }

    /// The collection's head, if its elements stand in the Element family.
    pub fn collection(&self) -> Option<Collection> {
        if self.by_elements { Collection::parse(self.payload) } else { None }
    }
}

/// The payload of a collection whose elements stand in the Element family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection {
    /// Which life of the collection the elements belong to.
    pub version: Version,
    /// How many elements it has.
    pub len: u64,
}

impl Collection {
    fn parse(payload: &[u8]) -> Option<Collection> {
        let (version, mut rest) = payload.split_first_chunk::<8>()?;
        Some(Collection { version: Version::from_be_bytes(*version), len: varint::read(&mut rest)? })
    }

    /// The payload's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(size_of::<Version>() + varint::MOST_BYTES);
        out.extend_from_slice(&self.version.to_be_bytes());
        varint::write(&mut out, self.len);
        out
    }

    /// How many bytes that is.
    pub fn encoded_len(&self) -> usize {
        size_of::<Version>() + varint::len(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_reads_back() {
        for kind in Type::ALL {
            for expire_ms in [None, Some(0), Some(u64::MAX)] {
                for (by_elements, expanded) in [(false, false), (false, true), (true, false), (true, true)] {
                    let meta = Meta { kind, expire_ms, by_elements, expanded, payload: b"\x00payload" };
                    assert_eq!(Meta::parse(&meta.encode()), Some(meta));
                }
            }
        }
        assert_eq!(Meta::parse(b""), None);
        assert_eq!(Meta::parse(b"\x10short"), None);
        assert_eq!(Meta::parse(b"\x0f"), None);
    }
}
