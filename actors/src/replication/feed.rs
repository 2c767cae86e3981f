//! The newest part of the log, in memory, for slaves: what they read from it costs no disk read, and no copy for each.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use pika_core::binlog::Record;
use tokio::sync::Notify;

use crate::state::lock;

/// How much is kept, bytes. Who is farther behind reads the log's files.
const KEPT: usize = 16 << 20;
/// What a record takes beside its payload, about; bytes.
const OVERHEAD: usize = 64;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Feed {
    readers: AtomicUsize,
    tail: Mutex<Tail>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Tail {
    /// Payloads with their offsets, in order and without gaps.
    payloads: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

/// Counts as a reader as long as it lives: without one nothing is kept.
#[derive(Debug)]
pub struct Reading<'a>(&'a Feed);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if self.0.readers.fetch_sub(1, Ordering::AcqRel) == 1 {
            *lock(&self.0.tail) = Tail::default();
        }
    }
}

impl Feed {
    /// Somebody will read.
    pub fn begin(&self) -> Reading<'_> {
        self.readers.fetch_add(1, Ordering::AcqRel);
        Reading(self)
    }

    /// These were appended to the log, whose lock the caller holds.
    pub fn push(&self, records: &[Record]) {
        if self.readers.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut tail = lock(&self.tail);
        for record in records {
            // A reader came and went meanwhile: what is here does not lead up to this.
            if tail.payloads.back().is_some_and(|(offset, last)| offset + last.len() as u64 != record.offset)
            {
                *tail = Tail::default();
            }
            tail.bytes += record.payload.len() + OVERHEAD;
            tail.payloads.push_back((record.offset, record.payload.clone()));
        }
        while tail.bytes > KEPT
            && let Some((_, oldest)) = tail.payloads.pop_front()
        {
            tail.bytes -= oldest.len() + OVERHEAD;
        }
    }

    /// The log is committed farther than before.
    pub fn wake(&self) {
        if self.readers.load(Ordering::Relaxed) > 0 {
            self.news.notify_waiters();
        }
    }

    /// Ends when there is news. Enable it before looking at how far the log is.
    pub fn news(&self) -> tokio::sync::futures::Notified<'_> {
        self.news.notified()
    }

    /// Copies the stream from `from` on into `out`, up to `until`, until `out` has about `enough` bytes. Returns where
    /// it stopped; `None` if the bytes at `from` are not here.
    pub fn read(&self, from: u64, until: u64, out: &mut BytesMut, enough: usize) -> Option<u64> {
        let tail = lock(&self.tail);
        let behind = tail.payloads.partition_point(|(offset, _)| *offset <= from);
        let first = behind.checked_sub(1)?;
        let mut at = from;
        for (offset, payload) in tail.payloads.range(first..) {
            let end = offset + payload.len() as u64;
            if end > until || out.len() >= enough {
                break;
            }
            if end > at {
                let skip = usize::try_from(at - offset).unwrap_or(usize::MAX);
                out.extend_from_slice(payload.get(skip..).unwrap_or_default());
                at = end;
            }
        }
        (at > from).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: u64, payload: &'static [u8]) -> Record {
        let payload = Bytes::from_static(payload);
        Record { offset, clock_ms: 1, database: 0, first_slot: 0, last_slot: 0, payload }
    }

    fn read(feed: &Feed, from: u64, until: u64) -> Option<(u64, Vec<u8>)> {
        let mut out = BytesMut::new();
        feed.read(from, until, &mut out, 1 << 20).map(|end| (end, out.to_vec()))
    }

    #[test]
    fn it_is_read_from_anywhere_in_it_up_to_what_is_committed() {
        let feed = Feed::default();
        let _reading = feed.begin();
        feed.push(&[record(100, b"abc"), record(103, b"de")]);
        feed.push(&[record(105, b"f")]);
        assert_eq!(read(&feed, 100, 106), Some((106, b"abcdef".to_vec())));
        assert_eq!(read(&feed, 101, 105), Some((105, b"bcde".to_vec())));
        assert_eq!(read(&feed, 104, 106), Some((106, b"ef".to_vec())));
        assert_eq!(read(&feed, 99, 106), None, "before its beginning");
        assert_eq!(read(&feed, 106, 106), None, "at its end");
        assert_eq!(read(&feed, 103, 104), None, "records are committed whole");
    }

    #[test]
    fn it_keeps_nothing_without_readers_and_little_with_them() {
        let feed = Feed::default();
        feed.push(&[record(0, b"abc")]);
        assert_eq!(read(&feed, 0, 3), None);
        let reading = feed.begin();
        feed.push(&[record(3, b"de")]);
        assert_eq!(read(&feed, 3, 5), Some((5, b"de".to_vec())));
        drop(reading);
        assert_eq!(read(&feed, 3, 5), None);
        let _reading = feed.begin();
        static LONG: [u8; 1 << 20] = [b'x'; 1 << 20];
        for index in 0..40 {
            feed.push(&[record(index << 20, &LONG)]);
        }
        let tail = lock(&feed.tail);
        assert!(tail.bytes <= KEPT && tail.payloads.len() == 15, "{}", tail.payloads.len());
    }

    #[test]
    fn what_does_not_follow_begins_anew() {
        let feed = Feed::default();
        let _reading = feed.begin();
        feed.push(&[record(0, b"abc")]);
        feed.push(&[record(10, b"de")]);
        assert_eq!(read(&feed, 0, 12), None);
        assert_eq!(read(&feed, 10, 12), Some((12, b"de".to_vec())));
    }
}
