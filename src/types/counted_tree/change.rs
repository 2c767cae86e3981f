//! Changing a tree: keys come and go, nodes are split and joined.

use super::{CountedTree, INNER_BYTES, LEAF_BYTES, Node, Path, ROOT, Step, Target, corrupt};
use crate::encoding::tree_node::{self, Child, LEAF, NodeId};
use crate::keyspace::transaction::{Stop, Transaction};

fn is_leaf(node: &[u8]) -> bool {
    tree_node::level(node) == Some(LEAF)
}

/// Most bytes of a node of its level.
fn limit(node: &[u8]) -> usize {
    if is_leaf(node) { LEAF_BYTES } else { INNER_BYTES }
}

/// A node that gets smaller than this looks for a neighbour to join.
fn least(node: &[u8]) -> usize {
    limit(node) / 4
}

/// Where a node is cut in two: an offset between two of its items. `None` if it stays whole.
fn cut_of(node: &[u8], appended: bool) -> Option<usize> {
    if node.len() <= limit(node) {
        return None;
    }
    // A node with one child would be a detour.
    let least = if is_leaf(node) { 1 } else { 2 };
    let starts: Vec<usize> = if is_leaf(node) {
        tree_node::keys(node).map(|item| item.start).collect()
    } else {
        tree_node::children(node).map(|item| item.start).collect()
    };
    let most = starts.len().checked_sub(least).filter(|&most| most >= least)?;
    let half = starts.partition_point(|&start| start < node.len() / 2);
    Some(starts[if appended { most } else { half.clamp(least, most) }])
}

impl CountedTree<'_> {
    /// Adds a key. Returns false if it is there already.
    pub fn insert(&mut self, txn: &mut Transaction<'_>, key: &[u8]) -> Result<bool, Stop> {
        let path = self.descend(txn, Target::key(key))?;
        let place = tree_node::place(self.bytes(path.leaf), key);
        if place.is_taken() {
            return Ok(false);
        }
        let node = self.edit(path.leaf);
        let appended = path.is_last && place.start == node.len();
        tree_node::insert_key(node, place.start, key);
        let over = node.len() > LEAF_BYTES;
        for step in &path.steps {
            tree_node::add_count(self.edit(step.id), step.start, 1);
        }
        if over || path.steps.iter().any(|step| self.bytes(step.id).len() > INNER_BYTES) {
            self.split(&path, appended)?;
        }
        Ok(true)
    }

    /// Removes a key. Returns whether it was there.
    pub fn remove(&mut self, txn: &mut Transaction<'_>, key: &[u8]) -> Result<bool, Stop> {
        let path = self.descend(txn, Target::key(key))?;
        let place = tree_node::place(self.bytes(path.leaf), key);
        if !place.is_taken() {
            return Ok(false);
        }
        self.cut_out(txn, &path, place.start, place.end, 1)?;
        Ok(true)
    }

    /// Removes `count` keys, from the one with `from` keys before it, and shows each as it goes, in order.
    pub fn remove_at(
        &mut self,
        txn: &mut Transaction<'_>,
        from: u64,
        count: u64,
        mut visit: impl FnMut(&[u8]),
    ) -> Result<(), Stop> {
        let mut left = count;
        while left > 0 {
            let path = self.descend(txn, Target::Rank(from))?;
            let skip = usize::try_from(from.saturating_sub(path.before)).unwrap_or(usize::MAX);
            let take = usize::try_from(left).unwrap_or(usize::MAX);
            let (mut part, mut taken) = (None, 0);
            for item in tree_node::keys(self.bytes(path.leaf)).skip(skip).take(take) {
                visit(item.content);
                part = Some((part.map_or(item.start, |(start, _)| start), item.end));
                taken += 1;
            }
            let Some((start, end)) = part else { return Ok(()) };
            self.cut_out(txn, &path, start, end, taken)?;
            left -= taken;
        }
        Ok(())
    }

    /// A node to write into; it is loaded.
    fn edit(&mut self, id: NodeId) -> &mut Vec<u8> {
        if id == ROOT {
            return self.root.to_mut();
        }
        let Node { stored, changed, .. } = self.nodes.entry(id).or_default();
        changed.get_or_insert_with(|| stored.as_ref().map_or_else(Vec::new, |value| value.to_vec()))
    }

    fn add(&mut self, bytes: Vec<u8>) -> NodeId {
        let id = self.next_id;
        self.next_id += 1;
        self.nodes.insert(id, Node { changed: Some(bytes), ..Node::default() });
        id
    }

    /// Takes a node out; its bytes.
    fn take(&mut self, id: NodeId) -> Vec<u8> {
        let bytes = std::mem::take(self.edit(id));
        self.nodes.entry(id).or_default().removed = true;
        bytes
    }

    /// Splits what is too long on a way, from the leaf up.
    fn split(&mut self, path: &Path, appended: bool) -> Result<(), Stop> {
        let mut id = path.leaf;
        for depth in (0..=path.steps.len()).rev() {
            let parent = depth.checked_sub(1).map(|above| path.steps[above]);
            if let Some(cut) = cut_of(self.bytes(id), appended) {
                let parent = match parent {
                    Some(parent) => parent,
                    None => self.grow(&mut id),
                };
                self.split_node(id, cut, parent)?;
            }
            id = parent.map_or(ROOT, |step| step.id);
        }
        Ok(())
    }

    /// Puts a new root above the root, whose content gets an id of its own.
    fn grow(&mut self, id: &mut NodeId) -> Step {
        let old = std::mem::take(self.root.to_mut());
        let (level, count) = (tree_node::level(&old).unwrap_or(LEAF), tree_node::count(&old));
        *id = self.add(old);
        let root = self.root.to_mut();
        root.push(level + 1);
        tree_node::push_child(root, Child { id: *id, count, separator: b"" });
        Step { id: ROOT, start: 1, index: 0 }
    }

    /// Moves what stands in a node from an offset on to a new node behind it. `parent` is where the node hangs.
    fn split_node(&mut self, id: NodeId, cut: usize, parent: Step) -> Result<(), Stop> {
        let node = self.edit(id);
        let tail = node.split_off(cut);
        let mut right = vec![*node.first().ok_or_else(corrupt)?];
        let separator = if is_leaf(node) {
            right.extend_from_slice(&tail);
            let low = tree_node::keys(node).last().ok_or_else(corrupt)?.content;
            let high = tree_node::keys(&right).next().ok_or_else(corrupt)?.content;
            tree_node::separator(low, high).to_vec()
        } else {
            right.extend_from_slice(&tail);
            let first = tree_node::children(&right).next().ok_or_else(corrupt)?;
            let (start, end, child) = (first.start, first.end, first.content);
            let separator = child.separator.to_vec();
            let bare = Child { id: child.id, count: child.count, separator: b"" };
            tree_node::replace_with_child(&mut right, start, end, bare);
            separator
        };
        let count = tree_node::count(&right);
        let right = self.add(right);
        let node = self.edit(parent.id);
        tree_node::add_count(node, parent.start, -(count as i64));
        let end = tree_node::children(node).nth(parent.index).ok_or_else(corrupt)?.end;
        tree_node::replace_with_child(node, end, end, Child { id: right, count, separator: &separator });
        Ok(())
    }

    /// Cuts `count` keys out of the leaf of a way: the bytes from `start` to before `end`.
    fn cut_out(
        &mut self,
        txn: &mut Transaction<'_>,
        path: &Path,
        start: usize,
        end: usize,
        count: u64,
    ) -> Result<(), Stop> {
        let node = self.edit(path.leaf);
        let mut before = node.len();
        node.drain(start..end);
        for step in &path.steps {
            tree_node::add_count(self.edit(step.id), step.start, -(count as i64));
        }
        let mut id = path.leaf;
        for &parent in path.steps.iter().rev() {
            let parent_before = self.bytes(parent.id).len();
            let node = self.bytes(id);
            if tree_node::is_empty(node) {
                self.take(id);
                self.drop_child(parent.id, parent.index)?;
            } else if before >= least(node) && node.len() < least(node) {
                self.join(txn, id, parent)?;
            } else {
                break;
            }
            (id, before) = (parent.id, parent_before);
        }
        self.shrink(txn)
    }

    /// Takes a child out of a node.
    fn drop_child(&mut self, id: NodeId, index: usize) -> Result<(), Stop> {
        let node = self.edit(id);
        let item = tree_node::children(node).nth(index).ok_or_else(corrupt)?;
        let (start, end) = (item.start, item.end);
        node.drain(start..end);
        Ok(())
    }

    /// Joins a node that has become small with the one behind it, or else the one before it, if both are small
    /// enough. `parent` is where it hangs.
    fn join(&mut self, txn: &mut Transaction<'_>, id: NodeId, parent: Step) -> Result<(), Stop> {
        let ids: Vec<NodeId> =
            tree_node::children(self.bytes(parent.id)).map(|item| item.content.id).collect();
        let behind = (parent.index, parent.index + 1);
        let before = (parent.index.wrapping_sub(1), parent.index);
        for (left, right) in [behind, before] {
            let (Some(&left_id), Some(&right_id)) = (ids.get(left), ids.get(right)) else { continue };
            self.load(txn, if left_id == id { right_id } else { left_id })?;
            let length = self.bytes(left_id).len() + self.bytes(right_id).len();
            if length <= limit(self.bytes(id)) / 4 * 3 {
                return self.join_pair(left_id, right_id, parent.id, left);
            }
        }
        Ok(())
    }

    /// Moves all of the node `right` to the end of `left`, which hangs in `parent` as its child `index`.
    fn join_pair(&mut self, left: NodeId, right: NodeId, parent: NodeId, index: usize) -> Result<(), Stop> {
        let mut moved = self.take(right);
        let mut pair = tree_node::children(self.bytes(parent)).skip(index);
        let start = pair.next().ok_or_else(corrupt)?.start;
        let second = pair.next().ok_or_else(corrupt)?;
        let (count, second_start, second_end) = (second.content.count, second.start, second.end);
        if !is_leaf(&moved) {
            // Its first child needs the separator now.
            let first = tree_node::children(&moved).next().ok_or_else(corrupt)?;
            let (from, to) = (first.start, first.end);
            let child = Child {
                id: first.content.id,
                count: first.content.count,
                separator: second.content.separator,
            };
            tree_node::replace_with_child(&mut moved, from, to, child);
        }
        drop(pair);
        self.edit(left).extend_from_slice(moved.get(1..).unwrap_or_default());
        let node = self.edit(parent);
        node.drain(second_start..second_end);
        tree_node::add_count(node, start, count as i64);
        Ok(())
    }

    /// Takes levels off that the root does not need.
    fn shrink(&mut self, txn: &mut Transaction<'_>) -> Result<(), Stop> {
        while !is_leaf(&self.root) {
            let mut children = tree_node::children(&self.root).map(|item| item.content.id);
            match (children.next(), children.next()) {
                (Some(only), None) => {
                    drop(children);
                    self.load(txn, only)?;
                    let bytes = self.take(only);
                    *self.root.to_mut() = bytes;
                }
                (None, _) => {
                    drop(children);
                    *self.root.to_mut() = tree_node::EMPTY.to_vec();
                }
                _ => break,
            }
        }
        Ok(())
    }
}
