//! What a key and a value look like in the engine, byte for byte.
//!
//! `docs/formats/storage.md` is the same description for readers.

pub mod key;
pub mod meta;
pub mod packed_hash;
pub mod packed_list;
pub mod packed_set;
pub mod sorted_set;
pub mod tree_node;
pub mod varint;

/// The version of everything in this folder, kept in the data folder. A server refuses any other.
pub const FORMAT_VERSION: u32 = 1;

#[cfg(test)]
mod golden;
