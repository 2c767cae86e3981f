//! Changing a string in part, in either form.

use std::collections::BTreeMap;
use std::ops::Range;

use smallvec::SmallVec;

use super::WHOLE;
use super::fragments::{FRAGMENT, fragment_key, put_fragment, put_head};
use super::read::{Form, StringValue};
use crate::encoding::key::Version;
use crate::encoding::meta::Meta;
use crate::engine::Family;
use crate::keyspace::transaction::{Entry, Stop, Transaction};

const ZEROS: [u8; FRAGMENT as usize] = [0; FRAGMENT as usize];

/// A string that a command changes in part: gathers what changes, fragment by fragment, and writes it at the end.
/// The key's expiry stays. A key that does not exist begins as an empty string.
///
/// A string changed in this way counts as `expanded`: OBJECT ENCODING says `raw` from then on, as in Redis.
#[derive(Debug)]
pub struct StringEdit<'a> {
    before: StringValue<'a>,
    expire_ms: Option<u64>,
    len: u64,
    changed: BTreeMap<u64, Changed>,
}

/// A fragment as it will be.
#[derive(Debug, Default)]
struct Changed {
    /// Its bytes; zero bytes at the end may be missing.
    bytes: Vec<u8>,
    /// There may be an entry of it already.
    stored: bool,
}

impl<'a> StringEdit<'a> {
    /// The string at a key; WRONGTYPE if the key holds another type.
    pub fn open(entry: &'a Entry) -> Result<StringEdit<'a>, Stop> {
        let before = StringValue::open_or_empty(entry)?;
        let expire_ms = entry.meta().and_then(|meta| meta.expire_ms);
        Ok(StringEdit { before, expire_ms, len: before.len(), changed: BTreeMap::new() })
    }

    /// Bytes, with the changes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The string as it was.
    pub fn before(&self) -> StringValue<'a> {
        self.before
    }

    /// Copies the bytes from a position on, with the changes so far, into `out`, which holds zero bytes. What the
    /// string does not have stays.
    pub fn read(&self, txn: &mut Transaction<'_>, from: u64, out: &mut [u8]) -> Result<(), Stop> {
        let indices = indices(from..from + out.len() as u64);
        if !indices.clone().all(|index| self.changed.contains_key(&index)) {
            self.before.fill(txn, from, out)?;
        }
        for (index, changed) in self.changed.range(indices) {
            let start = index * FRAGMENT;
            for (byte, position) in out.iter_mut().zip(from..).skip(start.saturating_sub(from) as usize) {
                let Some(new) = position.checked_sub(start).filter(|&place| place < FRAGMENT) else { break };
                *byte = changed.bytes.get(new as usize).copied().unwrap_or(0);
            }
        }
        Ok(())
    }

    /// Replaces the bytes from a position on. A string that is too short is filled up with zero bytes.
    pub fn write(&mut self, txn: &mut Transaction<'_>, from: u64, bytes: &[u8]) -> Result<(), Stop> {
        let end = from + bytes.len() as u64;
        self.load_edges(txn, from..end)?;
        for index in indices(from..end) {
            let start = index * FRAGMENT;
            let (low, high) = (from.max(start), end.min(start + FRAGMENT));
            let patch = &bytes[(low - from) as usize..(high - from) as usize];
            let (low, high) = ((low - start) as usize, (high - start) as usize);
            let stored = start < self.before.len();
            let changed = self.changed.entry(index).or_insert_with(|| Changed { bytes: Vec::new(), stored });
            if changed.bytes.len() < high {
                changed.bytes.resize(high, 0);
            }
            changed.bytes[low..high].copy_from_slice(patch);
        }
        self.grow(end);
        Ok(())
    }

    /// Fills the string up with zero bytes to a length, if it is shorter.
    pub fn grow(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    /// Asks for all fragments of several ranges at once, so that those on disk are fetched together.
    pub fn prefetch(
        &self,
        txn: &mut Transaction<'_>,
        ranges: impl Iterator<Item = Range<u64>>,
    ) -> Result<(), Stop> {
        let Form::Fragments(head) = self.before.form else { return Ok(()) };
        let mut wanted: Vec<u64> =
            ranges.flat_map(|range| indices(range.start..range.end.min(head.len))).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let entry = self.before.entry;
        let keys: Vec<_> = wanted.into_iter().map(|index| fragment_key(entry, head.version, index)).collect();
        txn.prefetch_elements(entry.slot, &keys)
    }

    /// Reads the fragments that a range begins and ends in, where it leaves any of their bytes as they are.
    fn load_edges(&mut self, txn: &mut Transaction<'_>, range: Range<u64>) -> Result<(), Stop> {
        let all = indices(range.clone());
        let mut edges: SmallVec<[u64; 2]> = SmallVec::new();
        for index in [all.start, all.end - 1] {
            let start = index * FRAGMENT;
            let end = (start + FRAGMENT).min(self.before.len());
            let stays = start < range.start || end > range.end;
            if start < end && stays && !self.changed.contains_key(&index) && !edges.contains(&index) {
                edges.push(index);
            }
        }
        for &index in &edges {
            let found = match self.before.form {
                Form::Whole(bytes) => Ok(Changed { bytes: fragment(bytes, index).to_vec(), stored: false }),
                Form::Fragments(head) => self.load(txn, head.version, index),
            };
            match found {
                Ok(found) => self.changed.insert(index, found),
                Err(stop) => return Err(self.before.need_all(txn, stop, edges.iter().copied())),
            };
        }
        Ok(())
    }

    fn load(&self, txn: &mut Transaction<'_>, version: Version, index: u64) -> Result<Changed, Stop> {
        let entry = self.before.entry;
        let found = txn.read(Family::Element, entry.slot, &fragment_key(entry, version, index))?;
        let stored = found.is_some();
        Ok(Changed { bytes: found.map_or(Vec::new(), |bytes| bytes.to_vec()), stored })
    }

    /// Writes what has changed; nothing, if nothing has. It counts as so many changes (Redis's "dirty").
    pub fn finish(self, txn: &mut Transaction<'_>, changes: u64) -> Result<(), Stop> {
        let len_before = self.before.len();
        if self.changed.is_empty() && self.len == len_before {
            return Ok(());
        }
        let mut entry = self.before.entry.clone();
        let mut counted = 1;
        match self.before.form {
            Form::Whole(bytes) if self.len <= WHOLE => self.put_whole(txn, &mut entry, bytes)?,
            Form::Whole(bytes) => {
                let version = txn.new_version();
                for (index, old) in (0..).zip(bytes.chunks(FRAGMENT as usize)) {
                    if !self.changed.contains_key(&index) {
                        put_fragment(txn, &entry, version, index, old, false);
                    }
                }
                for (&index, changed) in &self.changed {
                    put_fragment(txn, &entry, version, index, &changed.bytes, false);
                }
                put_head(txn, &mut entry, version, self.len, self.expire_ms)?;
            }
            Form::Fragments(head) => {
                for (&index, changed) in &self.changed {
                    put_fragment(txn, &entry, head.version, index, &changed.bytes, changed.stored);
                }
                if self.len != len_before {
                    put_head(txn, &mut entry, head.version, self.len, self.expire_ms)?;
                } else {
                    counted = 0;
                }
            }
        }
        txn.add_changes(changes.saturating_sub(counted));
        Ok(())
    }

    /// Instead of [`StringEdit::finish`], if nothing changed: the string counts as changed in part all the same.
    pub fn finish_unchanged(self, txn: &mut Transaction<'_>) -> Result<(), Stop> {
        let mut entry = self.before.entry.clone();
        match (self.before.entry.meta(), self.before.form) {
            (Some(meta), Form::Whole(_)) if !meta.expanded => {
                txn.put_quietly(&mut entry, &Meta { expanded: true, ..meta })
            }
            _ => Ok(()),
        }
    }

    fn put_whole(&self, txn: &mut Transaction<'_>, entry: &mut Entry, before: &[u8]) -> Result<(), Stop> {
        let mut parts: SmallVec<[&[u8]; 8]> = SmallVec::new();
        for index in indices(0..self.len) {
            let bytes = match self.changed.get(&index) {
                Some(changed) => &changed.bytes,
                None => fragment(before, index),
            };
            let length = (self.len - index * FRAGMENT).min(FRAGMENT) as usize;
            parts.push(bytes);
            parts.push(&ZEROS[..length - bytes.len()]);
        }
        let meta = Meta { expanded: true, ..Meta::string(&[], self.expire_ms) };
        txn.put_parts(entry, &meta, &parts)
    }
}

/// The fragments that a range of bytes touches.
fn indices(range: Range<u64>) -> Range<u64> {
    range.start / FRAGMENT..range.end.div_ceil(FRAGMENT)
}

/// The bytes of a string that belong to a fragment.
fn fragment(bytes: &[u8], index: u64) -> &[u8] {
    let place = |index: u64| usize::try_from(index * FRAGMENT).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[place(index)..place(index + 1)]
}
