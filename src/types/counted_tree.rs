//! Keys in order that can be counted: a B+ tree of packed nodes, in which every node says how many keys are below
//! each of its children.
//!
//! The root stands with the tree's owner (a sorted set's Meta entry, which is written anyway when a key comes or
//! goes); every other node is one entry of the Element family, read and written by its id. So a look-up, a rank and
//! the key at a rank each cost one point read a level, which the table of hot entries answers, and no iterator: a
//! leaf holds up to [`LEAF_BYTES`], another node up to [`INNER_BYTES`] with separators cut short, so three levels
//! below the root hold some ten million keys of twenty bytes. A change rewrites one node a level, in memory; those
//! near the root are written behind once for many changes.
//!
//! A node that outgrows its limit is split: in the middle, or, where keys are appended at one end of the tree, so
//! that the full part stays full. One that falls below a quarter of its limit is joined with a neighbour if both
//! fit into three quarters; an empty one goes.
//!
//! Nodes that were read or written are kept until [`CountedTree::flush`], so a command that changes many keys
//! writes each node once.

mod change;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::encoding::key::KeyBuf;
use crate::encoding::tree_node::{self, LEAF, NodeId, Probe};
use crate::encoding::varint;
use crate::engine::{EngineError, Family};
use crate::keyspace::slot::Slot;
use crate::keyspace::table::Value;
use crate::keyspace::transaction::{Entry, Need, Stop, Transaction};

/// Most bytes of a leaf, but for one whose only key is longer.
pub const LEAF_BYTES: usize = 1024;
/// Most bytes of a node with children, but for one of few children with long separators.
pub const INNER_BYTES: usize = 2048;

/// The id of the node that stands with the owner.
const ROOT: NodeId = 0;

/// See the module's documentation.
#[derive(Debug)]
pub struct CountedTree<'a> {
    slot: Slot,
    /// What the Element keys of its nodes begin with.
    prefix: KeyBuf,
    next_id: NodeId,
    root: Cow<'a, [u8]>,
    /// The nodes below the root that were touched.
    nodes: BTreeMap<NodeId, Node>,
}

/// A node below the root.
#[derive(Debug, Default)]
struct Node {
    /// What there was under its id.
    stored: Option<Value>,
    /// What it has become.
    changed: Option<Vec<u8>>,
    removed: bool,
}

impl Node {
    fn bytes(&self) -> &[u8] {
        match (&self.changed, &self.stored) {
            (Some(bytes), _) => bytes,
            (None, Some(value)) => value,
            (None, None) => &[],
        }
    }
}

/// The way from the root to a leaf.
#[derive(Debug)]
struct Path {
    steps: SmallVec<[Step; 6]>,
    leaf: NodeId,
    /// How many keys are before the leaf.
    before: u64,
    /// The leaf is the last one of the tree.
    is_last: bool,
}

/// A node on the way, and the child that the way goes on with.
#[derive(Debug, Clone, Copy)]
struct Step {
    id: NodeId,
    /// Offset of the child in the node.
    start: usize,
    /// How many children are before it.
    index: usize,
}

/// What a way leads to.
#[derive(Debug, Clone, Copy)]
enum Target<'k> {
    Key(Probe<'k>),
    /// The key with so many before it.
    Rank(u64),
}

impl<'k> Target<'k> {
    fn key(key: &'k [u8]) -> Target<'k> {
        Target::Key(Probe::new(key))
    }
}

pub(super) fn corrupt() -> Stop {
    Stop::Engine(EngineError("a node of a sorted set does not parse".into()))
}

impl<'a> CountedTree<'a> {
    /// A tree without keys. `prefix` is what the Element keys of its nodes begin with; they lie in `slot`.
    pub fn new(slot: Slot, prefix: KeyBuf) -> CountedTree<'a> {
        let root = Cow::Borrowed(&tree_node::EMPTY[..]);
        CountedTree { slot, prefix, next_id: ROOT + 1, root, nodes: BTreeMap::new() }
    }

    /// The tree that [`CountedTree::encode`] wrote; `None` if the bytes are none.
    pub fn parse(slot: Slot, prefix: KeyBuf, mut bytes: &'a [u8]) -> Option<CountedTree<'a>> {
        let next_id = varint::read(&mut bytes)?;
        tree_node::level(bytes)?;
        Some(CountedTree { slot, prefix, next_id, root: Cow::Borrowed(bytes), nodes: BTreeMap::new() })
    }

    /// Appends what the owner has to keep: the next id (varint), then the root.
    pub fn encode(&self, out: &mut Vec<u8>) {
        varint::write(out, self.next_id);
        out.extend_from_slice(&self.root);
    }

    /// The number of keys.
    pub fn len(&self) -> u64 {
        tree_node::count(&self.root)
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        tree_node::is_empty(&self.root)
    }

    /// How many keys are less than `key`.
    pub fn rank(&mut self, txn: &mut Transaction<'_>, key: &[u8]) -> Result<u64, Stop> {
        let path = self.descend(txn, Target::key(key))?;
        Ok(path.before + tree_node::place(self.bytes(path.leaf), key).index)
    }

    /// Shows `count` keys in order, from the one with `from` keys before it; with `backwards` from the one with
    /// `from` keys behind it, in reverse order. Stops early when there are no more, or `visit` returns false.
    pub fn walk(
        &mut self,
        txn: &mut Transaction<'_>,
        from: u64,
        count: u64,
        backwards: bool,
        visit: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Stop> {
        let mut walk = Walk { skip: from, left: count, backwards, visit };
        if count > 0 {
            self.walk_node(txn, ROOT, &mut walk)?;
        }
        Ok(())
    }

    /// Returns whether to go on.
    fn walk_node(
        &mut self,
        txn: &mut Transaction<'_>,
        id: NodeId,
        walk: &mut Walk<'_>,
    ) -> Result<bool, Stop> {
        let node = self.bytes(id);
        if tree_node::level(node) == Some(LEAF) {
            return Ok(walk.leaf(node));
        }
        let mut children: SmallVec<[(NodeId, u64); 128]> =
            tree_node::children(node).map(|item| (item.content.id, item.content.count)).collect();
        if walk.backwards {
            children.reverse();
        }
        for (place, &(child, count)) in children.iter().enumerate() {
            if walk.skip >= count {
                walk.skip -= count;
                continue;
            }
            if let Err(stop) = self.load(txn, child) {
                return Err(self.need_window(txn, stop, &children[place..], walk.skip + walk.left));
            }
            if !self.walk_node(txn, child, walk)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A walk that lacks a node will lack its neighbours: asks at once for all that hold the next `wanted` keys.
    fn need_window(
        &self,
        txn: &mut Transaction<'_>,
        stop: Stop,
        children: &[(NodeId, u64)],
        wanted: u64,
    ) -> Stop {
        if !matches!(stop, Stop::Need(_)) {
            return stop;
        }
        let mut before = 0;
        let window = children.iter().take_while(|(_, count)| {
            let inside = before < wanted;
            before += count;
            inside
        });
        let keys: Vec<KeyBuf> = window.map(|&(id, _)| self.key_of(id)).collect();
        txn.prefetch_elements(self.slot, &keys).err().unwrap_or(stop)
    }

    /// Asks for all nodes on the ways to `keys` at once, so that those on disk are fetched together.
    pub fn prefetch<'k>(
        &mut self,
        txn: &mut Transaction<'_>,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<(), Stop> {
        let mut missing = BTreeSet::new();
        for key in keys {
            match self.descend(txn, Target::key(key)) {
                Ok(_) => {}
                Err(Stop::Need(needs)) => missing.extend(needs.into_iter().filter_map(|need| match need {
                    Need::Key(_, key) => Some(key),
                    Need::Range(..) => None,
                })),
                Err(other) => return Err(other),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(Stop::Need(missing.into_iter().map(|key| Need::Key(Family::Element, key)).collect()))
    }

    /// What a change needs, and what is needed on the way to another key.
    pub fn need_too(&mut self, txn: &mut Transaction<'_>, stop: Stop, key: &[u8]) -> Stop {
        match (stop, self.descend(txn, Target::key(key))) {
            (Stop::Need(mut needs), Err(Stop::Need(more))) => {
                for need in more {
                    if !needs.contains(&need) {
                        needs.push(need);
                    }
                }
                Stop::Need(needs)
            }
            (stop, _) => stop,
        }
    }

    /// Writes the nodes that changed as elements of what `owner` holds. The root is left to the owner.
    pub fn flush(&mut self, txn: &mut Transaction<'_>, owner: &Entry) {
        for (id, node) in std::mem::take(&mut self.nodes) {
            let key = self.key_of(id);
            match node {
                Node { removed: true, stored: Some(_), .. } => txn.remove_element(owner, &key),
                Node { removed: false, changed: Some(bytes), .. } => txn.put_element(owner, &key, &bytes),
                _ => {}
            }
        }
    }

    fn key_of(&self, id: NodeId) -> KeyBuf {
        let mut key = self.prefix.clone();
        key.extend_from_slice(&id.to_be_bytes());
        key
    }

    /// A node that is loaded.
    fn bytes(&self, id: NodeId) -> &[u8] {
        if id == ROOT {
            return &self.root;
        }
        self.nodes.get(&id).map_or(&[][..], Node::bytes)
    }

    fn load(&mut self, txn: &mut Transaction<'_>, id: NodeId) -> Result<(), Stop> {
        if id == ROOT || self.nodes.contains_key(&id) {
            return Ok(());
        }
        let value = txn.read(Family::Element, self.slot, &self.key_of(id))?.ok_or_else(corrupt)?;
        self.nodes.insert(id, Node { stored: Some(value), ..Node::default() });
        Ok(())
    }

    /// Goes from the root to the leaf where a key stands, or would. Its nodes are loaded then.
    fn descend(&mut self, txn: &mut Transaction<'_>, target: Target<'_>) -> Result<Path, Stop> {
        let mut path = Path { steps: SmallVec::new(), leaf: ROOT, before: 0, is_last: true };
        let mut above = None;
        loop {
            let node = self.bytes(path.leaf);
            let level = tree_node::level(node).ok_or_else(corrupt)?;
            if above.is_some_and(|above| above != level + 1) {
                return Err(corrupt());
            }
            if level == LEAF {
                return Ok(path);
            }
            above = Some(level);
            let mut found = None;
            let mut sum = path.before;
            let mut children = tree_node::children(node).enumerate().peekable();
            while let Some((index, item)) = children.next() {
                found = Some((Step { id: path.leaf, start: item.start, index }, item.content.id, sum));
                let ends_here = match (target, children.peek()) {
                    (Target::Key(key), Some((_, next))) => key.order_of(next.content.separator).is_gt(),
                    (Target::Rank(rank), Some(_)) => rank < sum + item.content.count,
                    (_, None) => break,
                };
                if ends_here {
                    path.is_last = false;
                    break;
                }
                sum += item.content.count;
            }
            drop(children);
            let (step, child, before) = found.ok_or_else(corrupt)?;
            self.load(txn, child)?;
            path.steps.push(step);
            path.leaf = child;
            path.before = before;
        }
    }
}

/// How far a walk is.
struct Walk<'v> {
    /// How many keys are still to be passed over.
    skip: u64,
    /// How many are still to be shown.
    left: u64,
    backwards: bool,
    visit: &'v mut dyn FnMut(&[u8]) -> bool,
}

impl Walk<'_> {
    /// Returns whether to go on.
    fn leaf(&mut self, node: &[u8]) -> bool {
        if !self.backwards {
            return tree_node::keys(node).all(|item| self.show(item.content));
        }
        let keys: SmallVec<[&[u8]; 64]> = tree_node::keys(node).map(|item| item.content).collect();
        keys.iter().rev().all(|key| self.show(key))
    }

    fn show(&mut self, key: &[u8]) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return true;
        }
        self.left -= 1;
        (self.visit)(key) && self.left > 0
    }
}
