//! Tests of the configuration as a whole; those of one function are beside it.

mod documents;
mod loading;
mod rewriting;
mod setting;
mod table;
mod users;

use super::key::Id;
use super::load::Files;
use super::row::Kind;
use super::value::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<PathBuf, String>);

impl Memory {
    fn with(files: &[(&str, &str)]) -> Memory {
        Memory(files.iter().map(|(path, text)| (PathBuf::from(path), text.to_string())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        if self.0.contains_key(path) {
            return Ok(None);
        }
        let inside: Vec<PathBuf> =
            self.0.keys().filter(|file| file.parent() == Some(path)).cloned().collect();
        if inside.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(Some(inside)) }
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

fn parse(id: Id, text: &str) -> Result<Value, String> {
    Value::parse(id.row(), text, None)
}

/// Valid texts for an option, other than its default and at the limits of what it takes.
fn samples(id: Id) -> Vec<String> {
    let texts: Vec<String> = match id.row().kind {
        Kind::Bool => strings(&["yes", "no"]),
        Kind::Integer { min, max } => vec![min.to_string(), max.to_string(), (min / 2 + max / 2).to_string()],
        Kind::Octal { .. } => strings(&["0", "770", "777"]),
        Kind::Size { min, max } => vec![min.to_string(), max.to_string(), (min / 2 + max / 2).to_string()],
        Kind::SizeOrPercent => strings(&["1mb", "5%", "100%"]),
        Kind::Choice(words) => strings(words),
        Kind::Text => {
            strings(&["", "plain", "with space", "quo\"te'd # \\ back\n\t\u{1}", "ünïcode", "yes", "5"])
        }
        Kind::Words => strings(&["", "*", "10.0.0.1 -::1 *"]),
        Kind::Save => strings(&["", "5 6", "1 0 2 3 4 5"]),
        Kind::BufferLimits => strings(&["normal 1 2 3", "replica 1gb 5 6 pubsub 0 0 0 normal 7 8 9"]),
        Kind::Events => strings(&["", "KEA", "nKEm", "KEAnm", "gxK"]),
        Kind::Percentiles => strings(&["", "0", "100", "1.5 2.25 99.999"]),
        Kind::OomScores => strings(&["1 2 3", "-2000 0 2000"]),
        Kind::Shutdown => strings(&["nosave", "save now force"]),
        Kind::Master => strings(&["", "10.0.0.1 6379", "::1 1"]),
    };
    texts
}
