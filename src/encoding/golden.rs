//! The bytes on disk, kept in `tests/fixtures/storage/`. If a test here fails, the format has changed: data folders
//! of today would be misread. That needs a new [`super::FORMAT_VERSION`], and the old files kept beside new ones.

mod store;
mod types;
mod values;

use crate::engine::memory::MemoryEngine;
use crate::engine::{Batch, Change, Engine, Family};

/// Entries of a fixture: a name and bytes in hexadecimal, one entry a line; blanks and `# comments` are left out.
fn entries(fixture: &str) -> Vec<(&str, Vec<u8>)> {
    let lines = fixture.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, digits) = line.split_once(':').expect("name: digits");
            (name, bytes(digits))
        })
        .collect()
}

fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(digit).collect();
    assert!(digits.len().is_multiple_of(2), "whole bytes");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn digit(byte: u8) -> u8 {
    (byte as char).to_digit(16).expect("a hexadecimal digit") as u8
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Lines of a fixture, without comments.
fn lines(fixture: &str) -> impl Iterator<Item = &str> {
    fixture.lines().filter(|line| !line.starts_with('#'))
}

/// All entries of a store: family, key and value, one a line.
fn written(engine: &MemoryEngine) -> String {
    let mut text = String::new();
    for family in Family::ALL {
        for (key, value) in engine.dump(family) {
            let line = format!("{}: {} {}", family.name(), hex(&key), hex(&value));
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// A store with the entries of a fixture.
fn store_of(fixture: &str) -> MemoryEngine {
    let engine = MemoryEngine::new();
    let mut batch = Batch::default();
    for line in lines(fixture) {
        let (name, rest) = line.split_once(": ").expect("family: key value");
        let family = Family::ALL.into_iter().find(|family| family.name() == name).expect("a family");
        let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
        batch.0.push(Change::Put(family, bytes(key).into(), bytes(value).into()));
    }
    engine.write(batch).expect("memory does not fail");
    engine
}
