//! What several tests share.

mod crash;
mod damage;
mod golden;
mod read;
mod retain;
mod sequence;
mod write;

use super::*;
use crate::files::{Files, Simulated};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DIRECTORY: &str = "/log";

fn directory() -> &'static Path {
    Path::new(DIRECTORY)
}

fn options() -> Options {
    let salt = 0x0123_4567_89ab_cdef;
    Options { segment_bytes: 500, salt, now_ms: 1_700_000_000_000, ..Options::default() }
}

fn record(offset: u64, length: usize) -> Record {
    let payload: Vec<u8> =
        (0..length).map(|index| (offset.wrapping_mul(7) as usize).wrapping_add(index) as u8).collect();
    Record {
        offset,
        clock_ms: 1_700_000_000_000u64.wrapping_add(offset),
        database: (offset % 16) as u16,
        first_slot: 5,
        last_slot: 16_383,
        payload: Bytes::from(payload),
    }
}

/// Records of these lengths, one after the other.
fn records(offset: u64, lengths: &[usize]) -> Vec<Record> {
    let mut next = offset;
    let mut records = Vec::new();
    for length in lengths {
        records.push(record(next, *length));
        next += *length as u64;
    }
    records
}

fn arc(files: &Simulated) -> Arc<dyn Files> {
    Arc::new(files.clone())
}

fn open_at(files: &Simulated, at_least: u64) -> Result<Recovered> {
    open(arc(files), directory(), at_least, options())
}

fn read_all(files: &Simulated, from: u64, to: u64) -> Result<Vec<Record>> {
    let mut reader = Reader::open(arc(files), directory(), from, to)?;
    let mut records = Vec::new();
    while let Some(record) = reader.read()? {
        records.push(record.to_record());
    }
    assert_eq!(reader.offset(), to);
    Ok(records)
}

fn path(name: &str) -> PathBuf {
    directory().join(name)
}

fn content(files: &Simulated, name: &str) -> Vec<u8> {
    let file = files.open(&path(name)).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    crate::files::read_full(&*file, &mut bytes, 0).unwrap();
    bytes
}

fn set_content(files: &Simulated, name: &str, bytes: &[u8]) {
    let file = files.open(&path(name)).unwrap();
    file.truncate(0).unwrap();
    file.write_at(bytes, 0).unwrap();
}
