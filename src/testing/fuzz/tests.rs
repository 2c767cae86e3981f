//! The targets on the committed seeds, the dictionary, and where both come from.
//!
//! `PIKA_FUZZ_SEEDS=FOLDER cargo test -p pika-core --lib` writes every script of the tests, and what else there is to
//! begin with, into `FOLDER/TARGET/`; what of it is worth keeping, `tests/fuzz/run.py --merge` finds out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::commands::table;
use crate::testing::split;

/// What a target does with an input; it panics at a finding.
pub(super) type Target = fn(&[u8]);

pub(super) const TARGETS: [(&str, Target); 6] = [
    ("parser", parser),
    ("connection", connection),
    ("rdb", rdb),
    ("config", config),
    ("replication", replication),
    ("files", files),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The committed seeds of a target: where, and what.
pub(super) fn committed(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("tests/fuzz/seeds").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    assert!(paths.len() >= 5, "{} has seeds", folder.display());
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).expect("the file can be read");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn committed_seeds_find_nothing() {
    for (name, target) in TARGETS {
        for (path, bytes) in committed(name) {
            // Only the output of a test that fails is shown.
            println!("{}", path.display());
            target(&bytes);
        }
    }
}

#[test]
fn no_target_minds_input_of_any_length() {
    for (_, target) in TARGETS {
        for (length, bits) in (0..=16).flat_map(|length| (0..16).map(move |bits| (length, bits))) {
            target(&[&[bits, 0], &b"*1\r\n$4\r\nPING\r\n"[..]].concat()[..length]);
        }
    }
}

/// The words that a mutation is likely to need: commands, subcommands, options.
fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for entry in table::entries() {
        words.extend(entry.full_name.split('|').map(str::to_uppercase));
        let syntax = entry.command.syntax.split(|byte: char| !byte.is_ascii_alphanumeric() && byte != '-');
        words.extend(syntax.filter(|word| word.chars().any(|c| c.is_ascii_uppercase())).map(String::from));
    }
    words
}

pub(super) fn dictionary_words() -> Vec<Vec<u8>> {
    words().into_iter().map(String::into_bytes).collect()
}

/// The words for libFuzzer, as they are and framed.
fn dictionary() -> String {
    let mut text = String::from("# Of the command table: UPDATE=1 cargo test -p pika-core dictionary\n");
    for word in &words() {
        text.push_str(&format!("\"{word}\"\n\"${}\\x0d\\x0a{word}\\x0d\\x0a\"\n", word.len()));
    }
    for number in [i64::MIN, -1, 0, 1, i64::from(u32::MAX), i64::MAX] {
        text.push_str(&format!("\"{number}\"\n"));
    }
    text.push_str("\"\\x0d\\x0a\"\n\"*3\\x0d\\x0a\"\n\"-inf\"\n\"nan\"\n\"{a}\"\n");
    text
}

#[test]
fn the_dictionary_is_that_of_the_command_table() {
    let path = root().join("tests/fuzz/dictionary.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, dictionary()).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == dictionary(), "out of date: UPDATE=1 cargo test -p pika-core dictionary");
}

fn keep(target: &str, bits: u16, bytes: &[u8]) {
    let Some(folder) = std::env::var_os("PIKA_FUZZ_SEEDS") else { return };
    let folder = Path::new(&folder).join(target);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let content = [&bits.to_le_bytes(), bytes].concat();
    let name = format!("{:08x}", crc32c::crc32c(&content));
    std::fs::write(folder.join(name), content).expect("the file can be written");
}

/// Keeps a script of commands as a seed, if seeds are wanted: as lines, which mutations seldom break, or framed.
pub(crate) fn keep_script(script: &str) {
    if std::env::var_os("PIKA_FUZZ_SEEDS").is_none() {
        return;
    }
    let hash = crc32c::crc32c(script.as_bytes());
    let (framed, bits) = (hash.is_multiple_of(4), (hash >> 8) as u16);
    let mut out = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        let words = split(line);
        if framed {
            out.extend(format!("*{}\r\n", words.len()).bytes());
        }
        for (index, word) in words.iter().enumerate() {
            if framed {
                out.extend(format!("${}\r\n", word.len()).bytes());
                out.extend(word);
                out.extend(b"\r\n");
                continue;
            }
            out.extend(if index == 0 { &b""[..] } else { b" " });
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
            if !word.is_empty() && word.iter().all(plain) {
                out.extend(word);
            } else {
                let quoted: String = word.iter().map(|byte| format!("\\x{byte:02x}")).collect();
                out.extend(format!("\"{quoted}\"").bytes());
            }
        }
        if !framed {
            out.push(b'\n');
        }
    }
    keep("connection", bits, &out);
    if hash % 16 < 2 {
        keep("parser", bits, &out);
        keep("replication", bits | 1, &out);
    }
}

/// The sections of a file of hexadecimal digits, each behind a line `# name`.
fn sections(path: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(root().join("tests/fixtures").join(path)).expect("it is committed");
    let section = |text: &str| {
        let digits: Vec<u32> =
            text.lines().skip(1).flat_map(str::chars).filter_map(|c| c.to_digit(16)).collect();
        digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
    };
    format!("\n{text}").split("\n# ").skip(1).map(section).collect()
}

#[test]
fn there_is_something_to_begin_with() {
    for dump in sections("rdb/dumps-6.2.hex").iter().chain(&sections("rdb/dumps-7.0.hex")) {
        if dump.len() < 2000 {
            keep("rdb", 0, &dump[..dump.len() - 10]);
            rdb(&[&[0, 0], &dump[..dump.len() - 10]].concat());
        }
    }
    for file in sections("rdb/file-7.0.hex").iter().chain(&sections("rdb/file-10.hex")) {
        keep("rdb", 1, &file[9..]);
    }
    let segments = sections("binlog-v1.hex");
    for (bits, bytes) in
        segments.iter().enumerate().flat_map(|(at, segment)| [(2, segment), (18 + 4 * at, segment)])
    {
        keep("files", bits as u16, bytes);
    }
    let id = "0123456789abcdef0123456789abcdef01234567";
    let list = format!(
        "pika-checkpoint 1\nstorage 1\nid {id}\noffset 77\nfile 000012.sst 700 {0}\nfile CURRENT 16 {0}\n",
        "0".repeat(32)
    );
    keep("files", 1, list.as_bytes());
    keep(
        "files",
        0,
        format!("pika-replication 1\nid {id}\nearlier {id} 5\nended 7\nincomplete\n").as_bytes(),
    );
    let stream = "*2\r\n$6\r\nSELECT\r\n$1\r\n1\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n*3\r\n$3\r\n\
                  SET\r\n$1\r\nc\r\n$1\r\nd\r\n*1\r\n$4\r\nEXEC\r\n*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
    let hello = "+PONG\r\n+OK\r\n+OK\r\n";
    for (bits, text) in [
        (1, stream.to_string()),
        (3, stream.to_string()),
        (2, format!("{hello}+CONTINUE\r\n{stream}")),
        (2, format!("{hello}+CONTINUE {id}\r\n{stream}")),
        (0, format!("{hello}+FULLRESYNC {id} 7\r\n\n$5\r\nREDIS{stream}")),
        (0, format!("{hello}+FULLRESYNC {id} 7\r\n$EOF:{id}\r\nREDIS0011{id}{stream}")),
        (4, format!("-NOAUTH Authentication required.\r\n+OK\r\n{hello}-NOMASTERLINK no\r\n")),
        (20, format!("{hello}+OK\r\n+CHECKPOINT {id} 7 name 3\r\n\n\n")),
        (8, format!("{hello}-ERR no\r\n")),
    ] {
        keep("replication", bits, text.as_bytes());
    }
    let shipped = std::fs::read_to_string(root().join("config/pika.toml")).expect("it is committed");
    let options =
        shipped.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| line.contains(" = "));
    let options: Vec<&str> = options.collect();
    for some in options.chunks(12) {
        keep("config", 1, some.join("\n").as_bytes());
        keep("config", 0, some.join("\n").replace(" = ", " ").as_bytes());
        keep("config", 2, format!("--{}", some.join("\n--").replace(" = ", "\n")).as_bytes());
    }
    keep(
        "config",
        0,
        b"save 3600 1 300 100\nuser a on >x ~k* &c +@all -get\nrename-command GET \"\"\nmaxmemory 1gb # no\n",
    );
    keep(
        "config",
        3,
        b"user default on nopass ~* &* +@all\nuser b off #0000 %R~a* (+get ~b) resetchannels -@all +set|x\n",
    );
    keep("config", 3, b"user a on sanitize-payload >pw ~a &b +@read -@dangerous (%RW~x &y +@write)\n");
    for request in [
        &b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"[..],
        b"SET \"a b\" 'c\\'d' \"\\x00\\n\"\r\n\r\n*0\r\n*-1\r\n",
        b"*1\r\n$-1\r\n",
    ] {
        (0..8).for_each(|bits| keep("parser", bits, request));
    }
    for reply in [
        &b"%1\r\n+a\r\n,1.5\r\n"[..],
        b"|1\r\n$1\r\na\r\n#t\r\n=5\r\ntxt:x\r\n",
        b"*2\r\n~1\r\n(12\r\n>1\r\n_\r\n",
    ] {
        keep("parser", 0, reply);
    }
}
