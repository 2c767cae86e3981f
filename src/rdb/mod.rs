//! Redis's own serialization: the values that DUMP answers and RESTORE takes, and whole RDB files.
//!
//! [`Value`] is what a key holds, whatever its encoding; [`decode`] reads each encoding of RDB versions 1 to 12,
//! [`encode`] writes those that the version asked for knows, choosing as Redis does, so that sizes are like Redis's.
//! [`dump`] is the envelope of DUMP, [`Reader`] and [`Writer`] are files, [`Digest`] is what two servers are compared by.
//!
//! | file | what |
//! |------|------|
//! | [`source`], [`sink`] | integers, lengths and strings |
//! | [`lzf`], [`crc64`] | compression of strings, checksums |
//! | [`listpack`], [`ziplist`], [`zipmap`], [`intset`] | small collections as one string |
//!
//! Nothing here trusts a length: bytes are read in pieces, and what is kept in memory is paid for with bytes that
//! came. A value is held whole: a collection of a million elements is a million small vectors while it passes
//! through. Collections larger than memory need an interface that shows element after element; there is none yet.

pub mod crc64;
pub mod decode;
mod digest;
pub mod dump;
pub mod element;
pub mod encode;
mod error;
pub mod intset;
pub mod listpack;
pub mod lzf;
mod reader;
pub mod sink;
pub mod source;
#[cfg(test)]
mod tests;
mod value;
mod writer;
pub mod ziplist;
pub mod zipmap;

pub use digest::Digest;
pub use encode::Limits;
pub use error::Error;
pub use reader::{Item, KeyItem, Reader};
pub use value::{Consumer, Group, HashField, Pending, Stream, StreamEntry, StreamId, Value};
pub use writer::{KeyOptions, Writer};

/// The result of reading or writing.
pub type Result<T> = std::result::Result<T, Error>;

/// The version that Redis 7.0 writes, and the oldest that [`encode`] writes.
pub const REDIS_7_0: u16 = 10;
/// The version that Redis 7.2 writes: sets as listpacks, streams that know when a consumer was active.
pub const REDIS_7_2: u16 = 11;
/// The version that Redis 7.4 writes: hashes whose fields expire. The newest that is read or written here.
pub const REDIS_7_4: u16 = 12;

/// The first byte of a value: which type, and in which encoding. The numbers are Redis's.
pub mod kind {
    #![expect(missing_docs, reason = "the names say it; decode.rs says how each is read")]
    pub const STRING: u8 = 0;
    pub const LIST: u8 = 1;
    pub const SET: u8 = 2;
    pub const SORTED_SET: u8 = 3;
    pub const HASH: u8 = 4;
    pub const SORTED_SET_2: u8 = 5;
    pub const MODULE_PRE_GA: u8 = 6;
    pub const MODULE_2: u8 = 7;
    pub const HASH_ZIPMAP: u8 = 9;
    pub const LIST_ZIPLIST: u8 = 10;
    pub const SET_INTSET: u8 = 11;
    pub const SORTED_SET_ZIPLIST: u8 = 12;
    pub const HASH_ZIPLIST: u8 = 13;
    pub const LIST_QUICKLIST: u8 = 14;
    pub const STREAM_LISTPACKS: u8 = 15;
    pub const HASH_LISTPACK: u8 = 16;
    pub const SORTED_SET_LISTPACK: u8 = 17;
    pub const LIST_QUICKLIST_2: u8 = 18;
    pub const STREAM_LISTPACKS_2: u8 = 19;
    pub const SET_LISTPACK: u8 = 20;
    pub const STREAM_LISTPACKS_3: u8 = 21;
    pub const HASH_METADATA_PRE_GA: u8 = 22;
    pub const HASH_LISTPACK_EX_PRE_GA: u8 = 23;
    pub const HASH_METADATA: u8 = 24;
    pub const HASH_LISTPACK_EX: u8 = 25;
}
