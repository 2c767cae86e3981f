//! One record, and its bytes.
//!
//! All numbers are little-endian. A record is a header of 52 bytes and the payload, with no padding.
//!
//! | at | bytes | field        | meaning |
//! |---:|------:|--------------|---------|
//! |  0 | 4 | `header_crc`     | crc32c of the segment's salt (8 bytes) and of bytes 4..52 |
//! |  4 | 8 | `synced`         | when this record was written, all before this offset was durable on this node |
//! | 12 | 4 | `crc`            | crc32c of bytes 16..52 and of the payload |
//! | 16 | 4 | `previous_crc`   | `crc` of the record before; 0 if unknown, for the first record of a log |
//! | 20 | 4 | `payload_length` | 1 to 2^32 - 1 |
//! | 24 | 8 | `offset`         | payload bytes before this record |
//! | 32 | 8 | `clock_ms`       | wall clock of the node that made it, ms since 1970; "now" during replay. With bit 63 ([`SENT`]): this node had it from its master, and the clock is that of its arrival |
//! | 40 | 4 | `epoch`          | changes when a slave is promoted |
//! | 44 | 2 | `database`       | number of the database (SELECT) |
//! | 46 | 2 | `first_slot`     | lowest slot that it touches, 0 to 16383 |
//! | 48 | 2 | `last_slot`      | highest slot that it touches, `first_slot` to 16383 |
//! | 50 | 2 | `flags`          | 0; others are refused |
//! | 52 |   | `payload`        | commands, in RESP |
//!
//! Bytes 12 and on are the same on every node that has the record; bytes 0..12 belong to the file. As each
//! `crc` covers the one before, equal `(epoch, offset, crc)` at the end of a record means equal histories.

use super::error::{Error, Result};
use bytes::Bytes;

/// The length of a record's header in bytes.
pub const HEADER_LENGTH: usize = 52;

/// The greatest length of a payload in bytes.
pub const MAX_PAYLOAD: u64 = u32::MAX as u64;

/// The bit of a record's clock that says that a master sent it: what it holds says itself what has expired, and a
/// replay must not find out by a clock. The other bits are the clock of its arrival.
pub const SENT: u64 = 1 << 63;

/// The highest slot.
pub const MAX_SLOT: u16 = 16_383;

/// A record, as its producer hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Payload bytes before this record, since the log's beginning.
    pub offset: u64,
    /// Wall clock in ms since 1970, at the node that made it; or, with [`SENT`], at its arrival from a master.
    pub clock_ms: u64,
    /// Number of the database.
    pub database: u16,
    /// The lowest slot that it touches, at most [`MAX_SLOT`]. What touches no slot in particular states all
    /// of them, so that a slave orders it against everything.
    pub first_slot: u16,
    /// The highest slot that it touches, from `first_slot` to [`MAX_SLOT`].
    pub last_slot: u16,
    /// One or more commands in RESP, 1 to [`MAX_PAYLOAD`] bytes. Opaque to the log.
    pub payload: Bytes,
}

impl Record {
    /// The offset after this record, where the next one begins.
    #[must_use]
    pub fn end_offset(&self) -> u64 {
        self.offset.saturating_add(self.payload.len() as u64)
    }

    /// Whether the log can hold it.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the field that is out of its range.
    pub fn check(&self) -> Result<()> {
        let length = self.payload.len() as u64;
        if length == 0 {
            return Err(Error::Invalid("a record has no payload"));
        }
        if length > MAX_PAYLOAD {
            return Err(Error::Invalid("a record's payload has 4 GiB or more"));
        }
        if self.offset.checked_add(length).is_none() {
            return Err(Error::Invalid("a record's offset overflows"));
        }
        if self.first_slot > self.last_slot || self.last_slot > MAX_SLOT {
            return Err(Error::Invalid("a record's slots are out of range"));
        }
        Ok(())
    }
}

/// A record in a reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// The fields of the header.
    pub header: Header,
    /// The commands.
    pub payload: &'a [u8],
}

impl RecordRef<'_> {
    /// A copy that lives on its own.
    #[must_use]
    pub fn to_record(&self) -> Record {
        let Header { offset, clock_ms, database, first_slot, last_slot, .. } = self.header;
        let payload = Bytes::copy_from_slice(self.payload);
        Record { offset, clock_ms, database, first_slot, last_slot, payload }
    }
}

/// The fields of a record's header; see the table above for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// All before this offset was durable on this node when the record was written.
    pub synced: u64,
    /// Checksum of the record, the same on every node.
    pub crc: u32,
    /// `crc` of the record before.
    pub previous_crc: u32,
    /// Length of the payload in bytes, at least 1.
    pub payload_length: u32,
    /// Payload bytes before this record.
    pub offset: u64,
    /// Wall clock of the master in ms since 1970.
    pub clock_ms: u64,
    /// Epoch of the history.
    pub epoch: u32,
    /// Number of the database.
    pub database: u16,
    /// Lowest slot touched.
    pub first_slot: u16,
    /// Highest slot touched.
    pub last_slot: u16,
    /// 0 in this version.
    pub flags: u16,
}

/// What a record is written with, besides its own fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// From [`seed`].
    pub(crate) seed: u32,
    pub(crate) synced: u64,
    pub(crate) previous_crc: u32,
    pub(crate) epoch: u32,
}

/// The state of the header's checksum after the segment's salt.
pub(crate) fn seed(salt: u64) -> u32 {
    crc32c::crc32c(&salt.to_le_bytes())
}

/// Appends the bytes of a record that passed [`Record::check`], and returns its `crc`.
pub(crate) fn encode(record: &Record, context: Context, out: &mut Vec<u8>) -> u32 {
    let mut shared = [0; HEADER_LENGTH - 16];
    shared[0..4].copy_from_slice(&context.previous_crc.to_le_bytes());
    // The cast is exact: `check` refuses longer ones.
    shared[4..8].copy_from_slice(&(record.payload.len() as u32).to_le_bytes());
    shared[8..16].copy_from_slice(&record.offset.to_le_bytes());
    shared[16..24].copy_from_slice(&record.clock_ms.to_le_bytes());
    shared[24..28].copy_from_slice(&context.epoch.to_le_bytes());
    shared[28..30].copy_from_slice(&record.database.to_le_bytes());
    shared[30..32].copy_from_slice(&record.first_slot.to_le_bytes());
    shared[32..34].copy_from_slice(&record.last_slot.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&shared), &record.payload);
    let mut local = [0; 12];
    local[0..8].copy_from_slice(&context.synced.to_le_bytes());
    local[8..12].copy_from_slice(&crc.to_le_bytes());
    let header_crc = crc32c::crc32c_append(crc32c::crc32c_append(context.seed, &local), &shared);
    out.extend_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(&local);
    out.extend_from_slice(&shared);
    out.extend_from_slice(&record.payload);
    crc
}

/// The fields of a header; nothing is checked.
pub(crate) fn decode(bytes: &[u8; HEADER_LENGTH]) -> Header {
    Header {
        synced: u64_at(bytes, 4),
        crc: u32_at(bytes, 12),
        previous_crc: u32_at(bytes, 16),
        payload_length: u32_at(bytes, 20),
        offset: u64_at(bytes, 24),
        clock_ms: u64_at(bytes, 32),
        epoch: u32_at(bytes, 40),
        database: u16_at(bytes, 44),
        first_slot: u16_at(bytes, 46),
        last_slot: u16_at(bytes, 48),
        flags: u16_at(bytes, 50),
    }
}

/// Whether the header is as it was written.
pub(crate) fn header_is_whole(bytes: &[u8; HEADER_LENGTH], seed: u32) -> bool {
    crc32c::crc32c_append(seed, &bytes[4..]) == u32_at(bytes, 0)
}

/// Whether header and payload belong together and are as they were made.
pub(crate) fn payload_is_whole(bytes: &[u8; HEADER_LENGTH], payload: &[u8]) -> bool {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[16..]), payload) == u32_at(bytes, 12)
}

/// The number at `at`; 0 if the bytes are too few.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u16::from_le_bytes(*chunk))
}

/// The number at `at`; 0 if the bytes are too few.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// The number at `at`; 0 if the bytes are too few.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}
