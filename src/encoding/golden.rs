//! The bytes on disk, kept in `tests/fixtures/storage/`. If a test here fails, the format has changed: data folders
//! of today would be misread. That needs a new [`super::FORMAT_VERSION`], and the old files kept beside new ones.

mod store;
mod values;

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
