//! Changing a sorted set.

use std::collections::HashMap;
use std::ops::Range;

use super::{Big, Form, PACKED_BYTES, PACKED_MEMBERS, SortedSet};
use crate::commands::Settings;
use crate::encoding::meta::{Collection, Meta, Type};
use crate::encoding::{sorted_set as layout, tree_node};
use crate::keyspace::transaction::{Stop, Transaction};
use crate::types::counted_tree::CountedTree;

impl SortedSet<'_> {
    /// Gives a member a score. `old` is the one it has, as [`SortedSet::score`] says.
    pub fn set(
        &mut self,
        txn: &mut Transaction<'_>,
        member: &[u8],
        old: Option<f64>,
        score: f64,
    ) -> Result<(), Stop> {
        // Without the sign of a zero, as it will be read.
        let score = score + 0.0;
        self.changes += 1;
        if old.is_none() {
            self.longest = self.longest.max(Some(member.len()));
            self.make_room(txn, member)?;
        }
        let key = layout::joined(score, member);
        match &mut self.form {
            Form::Packed(leaf) => {
                let leaf = leaf.to_mut();
                if let Some(old) = old {
                    let place = tree_node::place(leaf, &layout::joined(old, member));
                    leaf.drain(place.start..place.end);
                }
                let place = tree_node::place(leaf, &key);
                tree_node::insert_key(leaf, place.start, &key);
            }
            Form::Big(big) => {
                if let Some(old) = old {
                    let removed = big.tree.remove(txn, &layout::joined(old, member));
                    // Who has to wait for the old place waits for the new one as well.
                    removed.map_err(|stop| big.tree.need_too(txn, stop, &key))?;
                } else {
                    big.len += 1;
                }
                big.tree.insert(txn, &key)?;
                match &mut big.fresh {
                    Some(fresh) => drop(fresh.insert(member.to_vec(), score)),
                    None => {
                        let (slot, namespace) = (self.entry.slot, self.entry.namespace);
                        let place = layout::member(slot, namespace, big.version, member);
                        txn.put_element(self.entry, &place, &layout::score_bytes(score));
                    }
                }
            }
        }
        Ok(())
    }

    /// Moves a packed sorted set to its big form if one more member does not fit.
    fn make_room(&mut self, txn: &mut Transaction<'_>, member: &[u8]) -> Result<(), Stop> {
        /// Most bytes of a key's length.
        const LENGTH: usize = 3;
        let Form::Packed(leaf) = &self.form else { return Ok(()) };
        let fits = leaf.len() + LENGTH + layout::SCORE + member.len() <= PACKED_BYTES
            && tree_node::count(leaf) < PACKED_MEMBERS as u64;
        if fits {
            return Ok(());
        }
        let version = txn.new_version();
        let prefix = layout::nodes(self.entry.slot, self.entry.namespace, version);
        let mut tree = CountedTree::new(self.entry.slot, prefix);
        let mut fresh = HashMap::default();
        for key in tree_node::keys(leaf) {
            tree.insert(txn, key.content)?;
            if let Some((score, member)) = layout::split(key.content) {
                fresh.insert(member.to_vec(), score);
            }
        }
        let len = fresh.len() as u64;
        self.form = Form::Big(Box::new(Big { version, len, tree, fresh: Some(fresh) }));
        Ok(())
    }

    /// Asks at once for all of the tree that is needed to change several members: each with the score it has, and the
    /// one it gets. For one, the change itself asks for no less.
    pub fn prefetch<'m>(
        &mut self,
        txn: &mut Transaction<'_>,
        members: impl Iterator<Item = (&'m [u8], Option<f64>, Option<f64>)>,
    ) -> Result<(), Stop> {
        let Form::Big(big) = &mut self.form else { return Ok(()) };
        let keys: Vec<_> = members
            .flat_map(|(member, old, new)| [old, new].map(|score| (score, member)))
            .filter_map(|(score, member)| Some(layout::joined(score?, member)))
            .collect();
        if keys.len() <= 2 {
            return Ok(());
        }
        big.tree.prefetch(txn, keys.iter().map(|key| &key[..]))
    }

    /// Removes a member, whose score is `old`.
    pub fn remove(&mut self, txn: &mut Transaction<'_>, member: &[u8], old: f64) -> Result<(), Stop> {
        self.changes += 1;
        let key = layout::joined(old, member);
        match &mut self.form {
            Form::Packed(leaf) => {
                let leaf = leaf.to_mut();
                let place = tree_node::place(leaf, &key);
                leaf.drain(place.start..place.end);
            }
            Form::Big(big) => {
                big.tree.remove(txn, &key)?;
                big.len = big.len.saturating_sub(1);
                self.forget(txn, member);
            }
        }
        Ok(())
    }

    /// Removes the entry of a member of a big sorted set.
    fn forget(&mut self, txn: &mut Transaction<'_>, member: &[u8]) {
        let Form::Big(big) = &mut self.form else { return };
        match &mut big.fresh {
            Some(fresh) => drop(fresh.remove(member)),
            None => {
                let place = layout::member(self.entry.slot, self.entry.namespace, big.version, member);
                txn.remove_element(self.entry, &place);
            }
        }
    }

    /// Removes the members with ranks in a range. Returns how many they were.
    pub fn remove_ranks(&mut self, txn: &mut Transaction<'_>, ranks: Range<u64>) -> Result<u64, Stop> {
        if ranks.start == 0 && ranks.end >= self.len() {
            let count = self.len();
            self.clear();
            return Ok(count);
        }
        self.take_ranks(txn, ranks, |_, _| {})
    }

    /// As [`SortedSet::remove_ranks`]; shows the scores and members, in order.
    pub fn take_ranks(
        &mut self,
        txn: &mut Transaction<'_>,
        ranks: Range<u64>,
        mut visit: impl FnMut(f64, &[u8]),
    ) -> Result<u64, Stop> {
        let end = ranks.end.min(self.len());
        let count = end.saturating_sub(ranks.start);
        if count == 0 {
            return Ok(0);
        }
        if count == self.len() {
            self.each(txn, |score, member| {
                visit(score, member);
                true
            })?;
            self.clear();
            return Ok(count);
        }
        self.announce(txn, count)?;
        self.changes += count;
        let mut show = |key: &[u8]| {
            if let Some((score, member)) = layout::split(key) {
                visit(score, member);
            }
        };
        match &mut self.form {
            Form::Packed(leaf) => {
                let leaf = leaf.to_mut();
                let (mut start, mut end) = (leaf.len(), leaf.len());
                for key in tree_node::keys(leaf).skip(ranks.start as usize).take(count as usize) {
                    start = start.min(key.start);
                    end = key.end;
                    show(key.content);
                }
                leaf.drain(start..end);
            }
            Form::Big(big) => {
                let mut gone = Vec::new();
                big.tree.remove_at(txn, ranks.start, count, |key| {
                    show(key);
                    gone.push(key[layout::SCORE.min(key.len())..].to_vec());
                })?;
                big.len -= count;
                gone.iter().for_each(|member| self.forget(txn, member));
            }
        }
        Ok(count)
    }

    /// Removes all members: the key goes, and takes everything with it.
    fn clear(&mut self) {
        self.changes += self.len();
        self.form = Form::Packed((&tree_node::EMPTY[..]).into());
    }

    /// Counts everything so far as one change, as Redis counts what replaces a key.
    pub fn count_as_one(&mut self) {
        self.changes = self.changes.min(1);
    }

    /// How many changes there were.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// OBJECT ENCODING will not say `listpack` (what Redis decides when the key comes to be).
    pub fn expand(&mut self) {
        self.expanded = true;
    }

    /// Writes what has changed, and removes the key if no member is left. `settings` say when OBJECT ENCODING leaves
    /// the compact form; a command that adds no member has none to give.
    pub fn finish(mut self, txn: &mut Transaction<'_>, settings: Option<&Settings>) -> Result<(), Stop> {
        if self.changes == 0 {
            return Ok(());
        }
        if let (Some(settings), Some(longest)) = (settings, self.longest) {
            let over = longest > settings.zset_max_listpack_value
                || self.len() > settings.zset_max_listpack_entries as u64;
            self.expanded |= over;
        }
        let changes = self.changes;
        let written = if self.is_empty() { txn.remove(&mut self.entry.clone())? } else { self.write(txn)? };
        // Writing the key has counted as one change.
        txn.add_changes(changes - u64::from(written));
        Ok(())
    }

    fn write(mut self, txn: &mut Transaction<'_>) -> Result<bool, Stop> {
        let mut entry = self.entry.clone();
        let payload = match &mut self.form {
            Form::Packed(leaf) => std::mem::take(leaf),
            Form::Big(big) => {
                let (slot, namespace, version) = (entry.slot, entry.namespace, big.version);
                for (member, &score) in big.fresh.iter().flatten() {
                    let place = layout::member(slot, namespace, version, member);
                    txn.put_element(&entry, &place, &layout::score_bytes(score));
                }
                big.tree.flush(txn, &entry);
                let mut payload = Collection { version, len: big.len }.encode();
                big.tree.encode(&mut payload);
                payload.into()
            }
        };
        let meta = Meta {
            kind: Type::SortedSet,
            expire_ms: self.expire_ms,
            by_elements: matches!(self.form, Form::Big(_)),
            expanded: self.expanded,
            payload: &payload,
        };
        // A member that moves within its leaf changes nothing here. A packed set that was replaced by its like counts as
        // written, as in Redis: its command goes to the slaves.
        let same = meta.by_elements && self.entry.meta().is_some_and(|old| old == meta);
        if !same {
            txn.put(&mut entry, &meta)?;
        }
        Ok(!same)
    }
}
