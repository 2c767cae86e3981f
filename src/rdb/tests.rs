//! The encodings against real bytes, against each other, and against bytes that lie.

use super::element::Element;
use super::source::Source;
use super::*;

mod built;
mod files;
mod golden;
mod hostile;

/// A section of a fixture: its name and bytes, written as `# name` and lines of hex.
fn sections(fixture: &str) -> Vec<(String, Vec<u8>)> {
    let mut sections: Vec<(String, Vec<u8>)> = Vec::new();
    for line in fixture.lines() {
        match line.strip_prefix("# ") {
            Some(name) => sections.push((name.to_string(), Vec::new())),
            None => {
                let bytes = (0..line.len()).step_by(2).map(|at| &line[at..at + 2]);
                let bytes = bytes.map(|byte| u8::from_str_radix(byte, 16).expect("hex"));
                sections.last_mut().expect("a name").1.extend(bytes);
            }
        }
    }
    sections
}

/// What [`sections`] reads.
fn fixture(sections: &[(String, Vec<u8>)]) -> String {
    let mut out = String::new();
    for (name, bytes) in sections {
        out.push_str(&format!("# {name}\n"));
        for line in bytes.chunks(48) {
            let hex: String = line.iter().map(|byte| format!("{byte:02x}")).collect();
            out.push_str(&(hex + "\n"));
        }
    }
    out
}

/// Compares bytes with a file of fixtures, or, with `UPDATE=1`, writes it.
#[track_caller]
fn compare_fixture(name: &str, found: &[(String, Vec<u8>)]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rdb").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, fixture(found)).expect("the file is written");
    }
    let kept = std::fs::read_to_string(&path).expect("the file is there");
    for ((name, kept), (found_name, found)) in sections(&kept).iter().zip(found) {
        assert_eq!(name, found_name);
        assert!(kept == found, "{name} is now\n{}", fixture(&[(name.clone(), found.clone())]));
    }
    assert_eq!(sections(&kept).len(), found.len());
}

fn bytes(text: impl AsRef<[u8]>) -> Vec<u8> {
    text.as_ref().to_vec()
}

fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<Vec<u8>> {
    all.into_iter().map(|text| text.to_string().into_bytes()).collect()
}

fn fields(all: &[(&str, &str, Option<u64>)]) -> Value {
    let field = |&(name, value, expire_ms): &(&str, &str, _)| HashField {
        name: bytes(name),
        value: bytes(value),
        expire_ms,
    };
    Value::Hash(all.iter().map(field).collect())
}

fn decode_as(kind: u8, content: &[u8]) -> Result<Value> {
    let mut source = Source::new(content);
    let value = decode::value(&mut source, kind)?;
    assert_eq!(source.position(), content.len() as u64, "all of it is read");
    Ok(value)
}

/// Numbers at the bounds of each width.
const INTEGERS: [i64; 20] = [
    0,
    1,
    -1,
    127,
    128,
    4095,
    -4096,
    4096,
    -4097,
    32767,
    -32768,
    32768,
    8388607,
    -8388608,
    8388608,
    2147483647,
    -2147483648,
    2147483648,
    i64::MAX,
    i64::MIN,
];
