//! Files that something else may have written: the log's, the history's, a checkpoint's list.

use std::path::Path;
use std::sync::Arc;

use super::Choices;
use crate::binlog::{self, Options, Reader};
use crate::files::{Files, Simulated};
use crate::replication::{History, files::List};

const FOLDER: &str = "/log";

/// Arbitrary bytes as the log's only segment, as the last of two, as its mark; as the history; as the list of a
/// checkpoint's files. Each is an error, or something that is written as it was read; a log that opens can be read to
/// its end, and opens again.
pub fn files(data: &[u8]) {
    let (choices, data) = Choices::take(data);
    match choices.bits & 3 {
        0 => {
            if let Ok(history) = History::decode(&summed(data)) {
                let again = History::decode(&history.encode()).expect("what it writes it reads");
                assert_eq!(format!("{again:?}"), format!("{history:?}"));
            }
        }
        1 => {
            if let Ok(list) = List::parse(&summed(data)) {
                assert_eq!(List::parse(list.encode().as_bytes()), Ok(list));
            }
        }
        _ => log(&choices, data),
    }
}

/// A text with its checksum: nobody guesses one.
fn summed(text: &[u8]) -> Vec<u8> {
    [text, format!("crc {:08x}\n", crc32c::crc32c(text)).as_bytes()].concat()
}

/// The name that a segment says that it has.
fn name(bytes: &[u8]) -> String {
    let at = bytes.get(16..24).and_then(|bytes| bytes.try_into().ok());
    binlog::segment::name(u64::from_le_bytes(at.unwrap_or_default()))
}

fn log(choices: &Choices, data: &[u8]) {
    let files: Arc<dyn Files> = Arc::new(Simulated::new());
    let folder = Path::new(FOLDER);
    let put = |name: &str, bytes: &[u8]| {
        let file = files.create(&folder.join(name)).expect("it is memory");
        file.write_at(bytes, 0).expect("it is memory");
    };
    if choices.bit(2) {
        put(binlog::mark::NAME, data);
    }
    let (first, second) = data.split_at(if choices.bit(3) { data.len() / 2 } else { data.len() });
    put(&name(first), first);
    if !second.is_empty() && name(second) != name(first) {
        put(&name(second), second);
    }
    let options = Options { verify_sealed: choices.bit(4), ..Options::default() };
    let at_least = binlog::segment::parse_name(&name(first)).unwrap_or(0);
    let Ok(opened) = binlog::open(Arc::clone(&files), folder, at_least, options) else { return };
    let (oldest, end) = (opened.oldest_offset, opened.end_offset);
    drop(opened);
    if let Ok(mut reader) = Reader::open(Arc::clone(&files), folder, oldest, end) {
        while let Ok(Some(_)) = reader.read() {}
    }
    let again = binlog::open(files, folder, at_least, options).expect("a log that opened opens again");
    assert_eq!((again.oldest_offset, again.end_offset, again.cut_bytes), (oldest, end, 0));
}
