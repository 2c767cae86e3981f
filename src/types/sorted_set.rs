//! Sorted sets: small ones as one value, big ones member by member and in a counted tree.
//!
//! A sorted set of up to [`PACKED_MEMBERS`] members and [`PACKED_BYTES`] bytes is one value in its key's Meta entry:
//! a leaf of scores and members, in order. A bigger one has an entry of the Element family for each member, which
//! says its score (ZSCORE is one look-up), and a [`CountedTree`] of scores and members for all that goes by order
//! or rank. It does not move back, as a hash does not; the limits are a hash's and for the same reasons.
//!
//! `src/encoding/sorted_set.rs` has the bytes.

mod edit;
mod rdb;
mod read;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

pub use rdb::{from_rdb, to_rdb};
pub use read::{LexBound, LexRange, ScoreRange};

use super::counted_tree::CountedTree;
use crate::commands::Settings;
use crate::encoding::key::{self, Version};
use crate::encoding::meta::{Collection, Meta, Type};
use crate::encoding::{sorted_set as layout, tree_node};
use crate::engine::{EngineError, Family, Range};
use crate::keyspace::table::ENTRY_OVERHEAD;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// Most members of a packed sorted set: Redis's own limit for its compact form.
pub const PACKED_MEMBERS: usize = 128;
/// Most bytes of a packed sorted set.
pub const PACKED_BYTES: usize = 4096;

/// A sorted set as a command reads and changes it. A key that does not exist is one without members.
///
/// Changes are gathered; [`SortedSet::finish`] writes them.
#[derive(Debug)]
pub struct SortedSet<'a> {
    entry: &'a Entry,
    form: Form<'a>,
    expire_ms: Option<u64>,
    expanded: bool,
    /// Length of the longest member that was added, bytes.
    longest: Option<usize>,
    /// Members that were added, removed or given another score.
    changes: u64,
}

#[derive(Debug)]
enum Form<'a> {
    /// A leaf.
    Packed(Cow<'a, [u8]>),
    Big(Box<Big<'a>>),
}

#[derive(Debug)]
struct Big<'a> {
    version: Version,
    len: u64,
    tree: CountedTree<'a>,
    /// All members, while none of them is in an entry of its own: it was packed when the command began. The
    /// engine knows nothing of its version, and is not asked.
    fresh: Option<HashMap<Vec<u8>, f64, ahash::RandomState>>,
}

fn corrupt() -> Stop {
    Stop::Engine(EngineError("an entry of a sorted set does not parse".into()))
}

impl<'a> SortedSet<'a> {
    /// The sorted set at a key; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<SortedSet<'a>, Stop> {
        let mut set = SortedSet::empty(entry);
        let Some(meta) = entry.typed(Type::SortedSet)? else { return Ok(set) };
        set.expire_ms = meta.expire_ms;
        set.expanded = meta.expanded;
        set.form = if meta.by_elements {
            let head = meta.collection().ok_or_else(corrupt)?;
            let prefix = layout::nodes(entry.slot, entry.namespace, head.version);
            let bytes = layout::tree(meta.payload, head).ok_or_else(corrupt)?;
            let tree = CountedTree::parse(entry.slot, prefix, bytes).ok_or_else(corrupt)?;
            Form::Big(Box::new(Big { version: head.version, len: head.len, tree, fresh: None }))
        } else {
            Form::Packed(Cow::Borrowed(meta.payload))
        };
        Ok(set)
    }

    /// A sorted set without members, to take the place of whatever the key holds, and of its expiry.
    pub fn empty(entry: &'a Entry) -> SortedSet<'a> {
        SortedSet {
            entry,
            form: Form::Packed(Cow::Borrowed(&tree_node::EMPTY)),
            expire_ms: None,
            expanded: false,
            longest: None,
            changes: 0,
        }
    }

    /// The number of members.
    pub fn len(&self) -> u64 {
        match &self.form {
            Form::Packed(leaf) => tree_node::count(leaf),
            Form::Big(big) => big.len,
        }
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        match &self.form {
            Form::Packed(leaf) => tree_node::is_empty(leaf),
            Form::Big(big) => big.len == 0,
        }
    }

    /// Whether it is small enough to be one value.
    pub fn is_packed(&self) -> bool {
        matches!(self.form, Form::Packed(_))
    }
}

/// How many members a sorted set has, by its Meta value.
pub fn len(meta: &Meta<'_>) -> u64 {
    meta.collection().map_or_else(|| tree_node::count(meta.payload), |head| head.len)
}

/// What OBJECT ENCODING calls a sorted set.
pub fn encoding(meta: &Meta<'_>, settings: &Settings) -> &'static str {
    let most = settings.zset_max_listpack_entries as u64;
    let longest = settings.zset_max_listpack_value + layout::SCORE;
    let compact = match meta.collection() {
        _ if meta.expanded => false,
        Some(head) => head.len <= most,
        None => {
            tree_node::count(meta.payload) <= most
                && tree_node::keys(meta.payload).all(|key| key.content.len() <= longest)
        }
    };
    if compact { "listpack" } else { "skiplist" }
}

/// Copies a sorted set into the place of `target`, whatever that held. `expire_ms` is the copy's own expiry.
pub fn copy_elements(
    txn: &mut Transaction<'_>,
    source: &Entry,
    target: &mut Entry,
    expire_ms: Option<u64>,
) -> Result<(), Stop> {
    let Some(meta) = source.typed(Type::SortedSet)? else { return Ok(()) };
    let Some(head) = meta.collection() else { return txn.put(target, &Meta { expire_ms, ..meta }) };
    let range = Range::prefix(&key::collection(source.slot, source.namespace, head.version));
    let mut elements = Vec::new();
    txn.range(Family::Element, source.slot, &range, |key, value| {
        elements.push((key[key::COLLECTION_PREFIX..].to_vec(), value.to_vec()));
        true
    })?;
    let version = txn.new_version();
    let prefix = key::collection(target.slot, target.namespace, version);
    for (place, value) in &elements {
        let mut key = prefix.clone();
        key.extend_from_slice(place);
        txn.put_element(target, &key, value);
    }
    let mut payload = Collection { version, len: head.len }.encode();
    payload.extend_from_slice(layout::tree(meta.payload, head).ok_or_else(corrupt)?);
    txn.put(target, &Meta { expire_ms, payload: &payload, ..meta })
}

/// About how many bytes the elements of a big sorted set take in memory. `samples` members are looked at (0: all).
pub fn elements_usage(
    txn: &mut Transaction<'_>,
    entry: &Entry,
    head: Collection,
    samples: u64,
) -> Result<u64, Stop> {
    let range = Range::prefix(&layout::members(entry.slot, entry.namespace, head.version));
    let (mut seen, mut bytes) = (0u64, 0u64);
    txn.range(Family::Element, entry.slot, &range, |key, value| {
        seen += 1;
        // It stands in the tree too, with its score; nodes are three quarters full or so, and few.
        let in_tree = (key.len() - layout::MEMBER_PREFIX + value.len()) * 5 / 4;
        bytes += (key.len() + value.len() + ENTRY_OVERHEAD + in_tree) as u64;
        seen != samples
    })?;
    let all = u128::from(bytes) * u128::from(head.len) / u128::from(seen.max(1));
    Ok(u64::try_from(all).unwrap_or(u64::MAX))
}
