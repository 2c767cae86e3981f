//! Keys of the engine's families. All integers are big-endian, so that byte order is their order.
//!
//! | family  | key |
//! |---------|-----|
//! | Meta    | slot `u16`, namespace `u32`, hash of the user's key `u32`, the user's key |
//! | Element | slot `u16`, namespace `u32`, version `u64`, hash of the element `u32`, the element |
//! |         | a fragment of a string: slot `u16`, namespace `u32`, version `u64`, number of the fragment `u64` |
//! |         | of a list: see [`super::packed_list`] |
//! | Expiry  | time in ms `u64`, slot `u16`, kind `u8`, namespace `u32`, then by kind: 0 = key: the user's key; 1 = hash field: length of the user's key `u32`, the user's key, the field |
//! | System  | a short ASCII name, and for `orphan/`: slot `u16`, namespace `u32`, version `u64` |
//!
//! Sorted sets have a byte between version and hash; see [`super::sorted_set`].
//!
//! The slot comes first, so that a slot is one contiguous range and a partition is one too. The hash before
//! the name gives SCAN and HSCAN an order that a 64-bit cursor can name without any state in the server.

use smallvec::SmallVec;

use crate::keyspace::slot::Slot;

/// An engine key under construction; the usual ones need no allocation.
pub type KeyBuf = SmallVec<[u8; INLINE]>;
/// The longest key that needs no allocation, in bytes.
const INLINE: usize = 64;

/// Number of bytes of a Meta key before the user's key.
pub const META_PREFIX: usize = 10;
/// Number of bytes of an Element key before the hash of the element.
pub const COLLECTION_PREFIX: usize = 14;
/// Number of bytes of an Element key before the element's name.
pub const ELEMENT_PREFIX: usize = 18;

/// Identifies one generation of one database: FLUSHDB moves a database to a new namespace, SWAPDB exchanges two.
pub type Namespace = u32;
/// Identifies one life of one collection; never used twice.
pub type Version = u64;

/// The stable hash by which keys and elements are ordered within their slot or collection: the low half of XXH3-64.
pub fn order_hash(name: &[u8]) -> u32 {
    xxhash_rust::xxh3::xxh3_64(name) as u32
}

/// The Meta key of a user's key.
pub fn meta(slot: Slot, namespace: Namespace, key: &[u8]) -> KeyBuf {
    let mut head = [0; META_PREFIX];
    head[..2].copy_from_slice(&slot.to_be_bytes());
    head[2..6].copy_from_slice(&namespace.to_be_bytes());
    head[6..].copy_from_slice(&order_hash(key).to_be_bytes());
    joined(&head, key)
}

/// Every command makes one key or more: one of a usual length is put together without looking at its room each time.
fn joined(head: &[u8], name: &[u8]) -> KeyBuf {
    let length = head.len() + name.len();
    if length > INLINE {
        let mut out = KeyBuf::with_capacity(length);
        out.extend_from_slice(head);
        out.extend_from_slice(name);
        return out;
    }
    let mut bytes = [0; INLINE];
    bytes[..head.len()].copy_from_slice(head);
    bytes[head.len()..length].copy_from_slice(name);
    KeyBuf::from_buf_and_len(bytes, length)
}

/// The first possible Meta key at or after a hash within a slot.
pub fn meta_position(slot: Slot, namespace: Namespace, hash: u32) -> KeyBuf {
    let mut out = meta_slot(slot, namespace);
    out.extend_from_slice(&hash.to_be_bytes());
    out
}

/// The prefix of all Meta keys of a namespace in a slot.
pub fn meta_slot(slot: Slot, namespace: Namespace) -> KeyBuf {
    let mut out = KeyBuf::new();
    out.extend_from_slice(&slot.to_be_bytes());
    out.extend_from_slice(&namespace.to_be_bytes());
    out
}

/// A Meta key taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaKey<'a> {
    /// Slot of the key.
    pub slot: Slot,
    /// Which generation of a database it belongs to.
    pub namespace: Namespace,
    /// Its [`order_hash`].
    pub hash: u32,
    /// What the user calls it.
    pub key: &'a [u8],
}

impl<'a> MetaKey<'a> {
    /// Takes a Meta key apart; `None` if it is too short to be one.
    pub fn parse(bytes: &'a [u8]) -> Option<MetaKey<'a>> {
        Some(MetaKey {
            slot: Slot::from_be_bytes(bytes.get(0..2)?.try_into().ok()?),
            namespace: Namespace::from_be_bytes(bytes.get(2..6)?.try_into().ok()?),
            hash: u32::from_be_bytes(bytes.get(6..10)?.try_into().ok()?),
            key: bytes.get(10..)?,
        })
    }
}

/// The prefix of all elements of a collection.
pub fn collection(slot: Slot, namespace: Namespace, version: Version) -> KeyBuf {
    let mut out = meta_slot(slot, namespace);
    out.extend_from_slice(&version.to_be_bytes());
    out
}

/// The Element key of a named element (hash field, set member).
pub fn element(slot: Slot, namespace: Namespace, version: Version, name: &[u8]) -> KeyBuf {
    let mut head = [0; ELEMENT_PREFIX];
    head[..2].copy_from_slice(&slot.to_be_bytes());
    head[2..6].copy_from_slice(&namespace.to_be_bytes());
    head[6..14].copy_from_slice(&version.to_be_bytes());
    head[14..].copy_from_slice(&order_hash(name).to_be_bytes());
    joined(&head, name)
}

/// The first possible Element key at or after a hash within a collection.
pub fn element_position(slot: Slot, namespace: Namespace, version: Version, hash: u32) -> KeyBuf {
    let mut out = collection(slot, namespace, version);
    out.extend_from_slice(&hash.to_be_bytes());
    out
}

/// The first key after every key that begins with `prefix`; empty if there is none (all bytes are 0xff).
pub fn successor(prefix: &[u8]) -> KeyBuf {
    let mut out = KeyBuf::from_slice(prefix);
    while let Some(last) = out.pop() {
        if last < 0xff {
            out.push(last + 1);
            break;
        }
    }
    out
}

/// What an entry of the expiry index points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiryKey<'a> {
    /// When it is due, Unix time in ms.
    pub at_ms: u64,
    /// Slot of the key.
    pub slot: Slot,
    /// Namespace of the key.
    pub namespace: Namespace,
    /// The user's key.
    pub key: &'a [u8],
    /// The hash field that expires; `None` if it is the whole key.
    pub field: Option<&'a [u8]>,
}

impl<'a> ExpiryKey<'a> {
    /// The index entry's bytes.
    pub fn encode(&self) -> KeyBuf {
        let mut out = KeyBuf::new();
        out.extend_from_slice(&self.at_ms.to_be_bytes());
        out.extend_from_slice(&self.slot.to_be_bytes());
        out.push(u8::from(self.field.is_some()));
        out.extend_from_slice(&self.namespace.to_be_bytes());
        if let Some(field) = self.field {
            out.extend_from_slice(&(self.key.len() as u32).to_be_bytes());
            out.extend_from_slice(self.key);
            out.extend_from_slice(field);
        } else {
            out.extend_from_slice(self.key);
        }
        out
    }

    /// Takes an index entry apart; `None` if it is none.
    pub fn parse(bytes: &'a [u8]) -> Option<ExpiryKey<'a>> {
        let (key, field) = match bytes.get(10)? {
            0 => (bytes.get(15..)?, None),
            1 => {
                let length = u32::from_be_bytes(bytes.get(15..19)?.try_into().ok()?) as usize;
                (bytes.get(19..19 + length)?, Some(bytes.get(19 + length..)?))
            }
            _ => return None,
        };
        Some(ExpiryKey {
            at_ms: u64::from_be_bytes(bytes.get(0..8)?.try_into().ok()?),
            slot: Slot::from_be_bytes(bytes.get(8..10)?.try_into().ok()?),
            namespace: Namespace::from_be_bytes(bytes.get(11..15)?.try_into().ok()?),
            key,
            field,
        })
    }
}

/// System: marks a collection whose elements are to be reclaimed.
pub fn orphan(slot: Slot, namespace: Namespace, version: Version) -> KeyBuf {
    let mut out = KeyBuf::from_slice(ORPHAN_PREFIX);
    out.extend_from_slice(&collection(slot, namespace, version));
    out
}

/// System keys that mark orphans begin so.
pub const ORPHAN_PREFIX: &[u8] = b"orphan/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_apart_as_they_were_put_together() {
        let bytes = meta(16_383, 7, b"user:1");
        let parsed = MetaKey::parse(&bytes).unwrap();
        assert_eq!((parsed.slot, parsed.namespace, parsed.key), (16_383, 7, &b"user:1"[..]));
        assert_eq!(parsed.hash, order_hash(b"user:1"));
        for field in [None, Some(&b"f"[..]), Some(&b""[..])] {
            let key = ExpiryKey { at_ms: 5, slot: 3, namespace: 9, key: b"k", field };
            assert_eq!(ExpiryKey::parse(&key.encode()), Some(key));
        }
    }

    #[test]
    fn byte_order_is_slot_then_namespace_then_hash() {
        assert!(meta(1, 9, b"a") < meta(2, 0, b"a"));
        assert!(meta(1, 1, b"a") < meta(1, 2, b"a"));
        let (low, high) = if order_hash(b"a") < order_hash(b"b") { (b"a", b"b") } else { (b"b", b"a") };
        assert!(meta(1, 1, low) < meta(1, 1, high));
    }

    #[test]
    fn successor_is_past_every_extension() {
        assert_eq!(&successor(b"ab")[..], b"ac");
        assert_eq!(&successor(b"a\xff\xff")[..], b"b");
        assert!(successor(b"\xff\xff").is_empty());
    }
}
