//! The files of a checkpoint: what a master offers, and a slave fetches.
//!
//! # The list
//! ASCII text; lines end with `\n`, and stand in this order:
//!
//! | line | how often | meaning |
//! |------|-----------|---------|
//! | `pika-checkpoint 1` | 1 | version of this format; another one is refused |
//! | `storage` *number* | 1 | version of the storage format ([`FORMAT_VERSION`]) |
//! | `id` *id* | 1 | the history that the data is of: 40 digits of `0-9a-f` |
//! | `offset` *offset* | 1 | the log offset that it is of, decimal |
//! | `file` *name* *size* *hash* | any | a file: letters, digits, `.`, `_`, `-`; its bytes, decimal; XXH3-128 (seed 0) of them, 32 digits of `0-9a-f` |
//! | `crc` *crc* | 1 | crc32c of all bytes before this line, 8 digits of `0-9a-f` |
//!
//! Files never change, and a name is given to one file only in the life of a store: so what a slave has by name, size
//! and hash it need not fetch again, of whichever checkpoint it was.

use std::fmt::Write as _;

/// Hashes a file.
pub use xxhash_rust::xxh3::Xxh3 as FileHash;

use super::history::ReplicationId;
use super::slave::Position;
use crate::encoding::FORMAT_VERSION;

/// The version of the list's format.
pub const VERSION: u32 = 1;
/// The most bytes that a chunk of a file has: what one `CHECKPOINT READ` is answered with.
pub const CHUNK: u64 = 1 << 20;
/// The longest name of a file.
const LONGEST_NAME: usize = 255;

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without a folder.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// XXH3-128 of them.
    pub hash: u128,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// What the data is of.
    pub of: Position,
    /// The files.
    pub files: Vec<Entry>,
}

/// The checksum of a chunk: its crc32c.
pub fn checksum(chunk: &[u8]) -> u32 {
    crc32c::crc32c(chunk)
}

/// Whether a name is one of a file in a folder, and of nothing else.
pub fn is_file_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && name.bytes().all(allowed)
}

impl List {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// The text.
    pub fn encode(&self) -> String {
        let Position { id, offset } = self.of;
        let mut text =
            format!("pika-checkpoint {VERSION}\nstorage {FORMAT_VERSION}\nid {id}\noffset {offset}\n");
        for Entry { name, size, hash } in &self.files {
            let _ = writeln!(text, "file {name} {size} {hash:032x}");
        }
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text
    }

    /// What a text says.
    ///
    /// # Errors
    /// For the operator: it is no such list, damaged, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<List, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the list of files is no text".to_string())?;
        let number = |line: Option<&str>, name: &str| {
            line.and_then(|line| line.strip_prefix(name)?.strip_prefix(' '))
                .and_then(|number| number.parse::<u64>().ok())
                .ok_or_else(|| format!("the list of files names no {name}"))
        };
        let mut lines = text.lines();
        let version = number(lines.next(), "pika-checkpoint")?;
        if version != u64::from(VERSION) {
            return Err(format!(
                "the list of files has version {version}; this Pika reads version {VERSION}"
            ));
        }
        let (before, sum) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once('\n'))
            .ok_or_else(|| "the list of files is cut off".to_string())?;
        if sum != format!("crc {:08x}", crc32c::crc32c(&bytes[..before.len() + 1])) {
            return Err("the checksum of the list of files does not match".into());
        }
        let storage = number(lines.next(), "storage")?;
        if storage != u64::from(FORMAT_VERSION) {
            return Err(format!(
                "the files have storage format {storage}; this version of pika reads format {FORMAT_VERSION}"
            ));
        }
        let id = lines.next().and_then(|line| ReplicationId::parse(line.strip_prefix("id ")?.as_bytes()));
        let id = id.ok_or_else(|| "the list of files names no history".to_string())?;
        let offset = number(lines.next(), "offset")?;
        let mut files = Vec::new();
        for line in before.lines().skip(4) {
            let file = entry(line).ok_or_else(|| format!("this line of the list is wrong: {line}"))?;
            files.push(file);
        }
        Ok(List { of: Position { id, offset }, files })
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.strip_prefix("file ")?.split(' ');
    let (name, size, hash) = (words.next()?, words.next()?, words.next()?);
    let whole = words.next().is_none() && hash.len() == 32 && is_file_name(name);
    let (size, hash) = (size.parse().ok()?, u128::from_str_radix(hash, 16).ok()?);
    whole.then(|| Entry { name: name.to_string(), size, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        let id = ReplicationId::from_random([3; 20]);
        let file = |name: &str, size, hash| Entry { name: name.into(), size, hash };
        let files = vec![file("000012.sst", 70_000, 1 << 100), file("CURRENT", 16, 5)];
        List { of: Position { id, offset: 77 }, files }
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_in_no_other_way() {
        let text = list().encode();
        assert_eq!(List::parse(text.as_bytes()), Ok(list()));
        assert_eq!(list().bytes(), 70_016);
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] ^= 1;
            assert!(List::parse(&damaged).is_err(), "byte {at}");
            assert!(List::parse(&text.as_bytes()[..at]).is_err(), "cut at {at}");
        }
        let other = text.replace("checkpoint 1", "checkpoint 2");
        assert!(List::parse(other.as_bytes()).is_err_and(|why| why.contains("version 2")));
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["000012.sst", "MANIFEST-000004", "OPTIONS-000007", "a_b"] {
            assert!(is_file_name(name), "{name}");
        }
        for name in ["", ".", "..", ".x", "a/b", "../x", "a b", "a\0", "é", &"x".repeat(256)] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
