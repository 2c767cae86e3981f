//! What a server has, and the few commands that change it.

use std::collections::BTreeMap;

use crate::keyspace::transaction::write_command;
use crate::resp::{Batch, Parser};

/// What a server has.
pub(in super::super) type Data = BTreeMap<String, String>;

pub(super) fn run(data: &mut Data, words: &[&[u8]]) {
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    match words {
        [b"SET", key, value] => {
            data.insert(text(key), text(value));
        }
        [b"APPEND", key, value] => data.entry(text(key)).or_default().push_str(&text(value)),
        [b"DEL", key] => {
            data.remove(&text(key));
        }
        [b"RENAME", from, to] => {
            if let Some(value) = data.remove(&text(from)) {
                data.insert(text(to), value);
            }
        }
        [b"COPY", from, to, b"REPLACE"] => {
            if let Some(value) = data.get(&text(from)).cloned() {
                data.insert(text(to), value);
            }
        }
        [b"FLUSHALL"] => data.clear(),
        _ => {}
    }
}

/// Runs commands, as far as they are whole. Returns how many bytes those have.
pub(super) fn run_all(data: &mut Data, bytes: &[u8]) -> usize {
    let mut batch = Batch::default();
    let consumed = Parser::default().parse(bytes, &Default::default(), usize::MAX, &mut batch).unwrap_or(0);
    for command in &batch.commands {
        let ranges = &batch.ranges[command.first as usize..][..command.count as usize];
        let words: Vec<&[u8]> = ranges.iter().map(|&(from, to)| &bytes[from as usize..to as usize]).collect();
        run(data, &words);
    }
    consumed
}

pub(super) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    write_command(&mut out, words.iter().copied());
    out
}
