//! Pending entries: delivered to a consumer, and not acknowledged yet. Each stands twice, by id for the group and by
//! consumer and id; see [`super::head`].

use super::group::Group;
use super::head::{Kind, element, elements};
use super::id::StreamId;
use super::read::Span;
use super::{Stream, corrupt};
use crate::encoding::key::KeyBuf;
use crate::encoding::varint;
use crate::engine::{Family, Range};
use crate::keyspace::transaction::{Entry, Stop, Transaction};

/// When, and how often, an entry was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The last time, Unix time in ms.
    pub at_ms: u64,
    /// How often.
    pub count: u64,
}

/// An entry that somebody has to acknowledge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The entry's id. It may be gone from the stream.
    pub id: StreamId,
    /// Who got it.
    pub consumer: Vec<u8>,
    /// When.
    pub delivery: Delivery,
}

impl Delivery {
    fn write(self, out: &mut Vec<u8>) {
        varint::write(out, self.at_ms);
        varint::write(out, self.count);
    }

    fn read(bytes: &mut &[u8]) -> Option<Delivery> {
        Some(Delivery { at_ms: varint::read(bytes)?, count: varint::read(bytes)? })
    }
}

fn parse(id: StreamId, mut bytes: &[u8]) -> Option<Pending> {
    let delivery = Delivery::read(&mut bytes)?;
    Some(Pending { id, consumer: bytes.to_vec(), delivery })
}

/// The two keys of a pending entry.
fn keys(stream: &Stream, group: &Group, id: StreamId, consumer: &[u8]) -> (KeyBuf, KeyBuf) {
    let (number, id) = (group.number.to_be_bytes(), id.to_bytes());
    let length = (consumer.len() as u32).to_be_bytes();
    let of_group = element(stream.entry(), &stream.head, Kind::Pending, &[&number, &id]);
    let of_consumer = [&number[..], &length, consumer, &id];
    (of_group, element(stream.entry(), &stream.head, Kind::PendingOf, &of_consumer))
}

impl Stream {
    /// A pending entry of a group.
    pub fn pending(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
        id: StreamId,
    ) -> Result<Option<Pending>, Stop> {
        if !group.may_await(id) {
            return Ok(None);
        }
        let key = self.pending_key(group, id);
        match txn.read(Family::Element, self.entry.slot, &key)? {
            Some(value) => parse(id, &value).map(Some).ok_or_else(corrupt),
            None => Ok(None),
        }
    }

    /// Asks for several pending entries at once.
    pub fn prefetch_pending(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
        ids: &[StreamId],
    ) -> Result<(), Stop> {
        let wanted = ids.iter().filter(|&&id| group.may_await(id));
        let keys: Vec<KeyBuf> = wanted.map(|&id| self.pending_key(group, id)).collect();
        txn.prefetch_elements(self.entry.slot, &keys)
    }

    fn pending_key(&self, group: &Group, id: StreamId) -> KeyBuf {
        let parts: [&[u8]; 2] = [&group.number.to_be_bytes(), &id.to_bytes()];
        element(&self.entry, &self.head, Kind::Pending, &parts)
    }

    /// Adds a pending entry to a group, and counts it there. The consumer's numbers are the caller's business.
    pub fn add_pending(
        &self,
        txn: &mut Transaction<'_>,
        group: &mut Group,
        id: StreamId,
        consumer: &[u8],
        delivery: Delivery,
    ) {
        if group.pending == 0 {
            (group.lowest, group.highest) = (id, id);
        }
        group.pending += 1;
        group.lowest = group.lowest.min(id);
        group.highest = group.highest.max(id);
        self.put_pending(txn, group, id, consumer, delivery);
    }

    /// Writes a pending entry that the group has already.
    pub fn put_pending(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
        id: StreamId,
        consumer: &[u8],
        delivery: Delivery,
    ) {
        let (of_group, of_consumer) = keys(self, group, id, consumer);
        let mut value = Vec::with_capacity(16);
        delivery.write(&mut value);
        txn.put_element(&self.entry, &of_consumer, &value);
        txn.put_element_parts(&self.entry, &of_group, &[&value, consumer]);
    }

    /// Removes a pending entry from a group. The consumer's numbers are the caller's business.
    pub fn remove_pending(
        &self,
        txn: &mut Transaction<'_>,
        group: &mut Group,
        id: StreamId,
        consumer: &[u8],
    ) {
        group.pending -= 1;
        let (of_group, of_consumer) = keys(self, group, id, consumer);
        txn.remove_element(&self.entry, &of_group);
        txn.remove_element(&self.entry, &of_consumer);
    }

    /// Removes a pending entry from its consumer alone: another one takes it over.
    pub fn take_pending(&self, txn: &mut Transaction<'_>, group: &Group, id: StreamId, consumer: &[u8]) {
        let (_, of_consumer) = keys(self, group, id, consumer);
        txn.remove_element(&self.entry, &of_consumer);
    }

    /// Shows pending entries of a group in order, until `visit` returns false.
    pub fn pending_in(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
        span: Span,
        mut visit: impl FnMut(Pending) -> bool,
    ) -> Result<(), Stop> {
        if group.pending == 0 || span.start > group.highest {
            return Ok(());
        }
        let number = group.number.to_be_bytes();
        let span = Span { start: span.start.max(group.lowest), ..span };
        let Some(range) = id_range(&self.entry, self, Kind::Pending, &[&number], span) else { return Ok(()) };
        let mut sound = true;
        txn.range(Family::Element, self.entry.slot, &range, |key, value| {
            match id_at_end(key).and_then(|id| parse(id, value)) {
                Some(pending) => visit(pending),
                None => {
                    sound = false;
                    false
                }
            }
        })?;
        if sound { Ok(()) } else { Err(corrupt()) }
    }

    /// Shows pending entries of one consumer in order, until `visit` returns false.
    pub fn pending_of(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
        consumer: &[u8],
        span: Span,
        mut visit: impl FnMut(StreamId, Delivery) -> bool,
    ) -> Result<(), Stop> {
        let (number, length) = (group.number.to_be_bytes(), (consumer.len() as u32).to_be_bytes());
        let parts: [&[u8]; 3] = [&number, &length, consumer];
        let Some(range) = id_range(&self.entry, self, Kind::PendingOf, &parts, span) else { return Ok(()) };
        let mut sound = true;
        txn.range(Family::Element, self.entry.slot, &range, |key, mut value| {
            match id_at_end(key).zip(Delivery::read(&mut value)) {
                Some((id, delivery)) => visit(id, delivery),
                None => {
                    sound = false;
                    false
                }
            }
        })?;
        if sound { Ok(()) } else { Err(corrupt()) }
    }

    /// The least and the greatest id of a group's pending entries.
    pub fn pending_bounds(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
    ) -> Result<Option<(StreamId, StreamId)>, Stop> {
        let Some(least) = self.first_pending(txn, group, StreamId::ZERO)? else { return Ok(None) };
        if self.pending(txn, group, group.highest)?.is_some() {
            return Ok(Some((least, group.highest)));
        }
        // Ranges go forward only: the time of the last one is found by bisection, then the last one of that time.
        let (mut greatest, mut end_ms) = (least, group.highest.ms);
        while greatest.ms < end_ms {
            let middle = greatest.ms + (end_ms - greatest.ms).div_ceil(2);
            match self.first_pending(txn, group, StreamId { ms: middle, seq: 0 })? {
                Some(found) => greatest = found,
                None => end_ms = middle - 1,
            }
        }
        let (mut low, mut high) = (greatest, StreamId { seq: u64::MAX, ..greatest }.min(group.highest));
        while low < high {
            let middle = low.seq + (high.seq - low.seq).div_ceil(2);
            match self.first_pending(txn, group, StreamId { seq: middle, ..low })? {
                Some(found) => low = found,
                None => high.seq = middle - 1,
            }
        }
        Ok(Some((least, low)))
    }

    /// The first pending entry at or behind an id.
    fn first_pending(
        &self,
        txn: &mut Transaction<'_>,
        group: &Group,
        start: StreamId,
    ) -> Result<Option<StreamId>, Stop> {
        let mut first = None;
        self.pending_in(txn, group, Span { start, end: StreamId::MAX }, |pending| {
            first = Some(pending.id);
            false
        })?;
        Ok(first)
    }
}

/// The range of pending entries whose ids lie in a span; `None` if it is empty.
fn id_range(entry: &Entry, stream: &Stream, kind: Kind, parts: &[&[u8]], span: Span) -> Option<Range> {
    if span.start > span.end {
        return None;
    }
    let all = elements(entry, &stream.head, kind, parts);
    let at = |id: StreamId| [&all.lower[..], &id.to_bytes()].concat();
    let upper = span.end.next().map_or_else(|| all.upper.clone(), at);
    Some(Range { lower: at(span.start), upper })
}

fn id_at_end(key: &[u8]) -> Option<StreamId> {
    StreamId::from_bytes(&key[key.len().checked_sub(StreamId::BYTES)?..])
}
