//! Writing the primitives of RDB, behind what is in a vector. See [`super::source`] for the bytes.

use super::lzf;
use crate::number::parse_i64;

/// Strings up to this length are not compressed: there is nothing to save.
const TOO_SHORT: usize = 20;
/// Strings up to this length may be the text of an integer of 32 bits.
const LONGEST_INTEGER: usize = 11;

/// Writes a length in the shortest way.
pub fn length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..64 => out.push(length as u8),
        64..0x4000 => out.extend_from_slice(&(0x4000 | length as u16).to_be_bytes()),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// Writes a string: as an integer if it is the text of one, compressed if that is shorter, else as it is.
pub fn string(out: &mut Vec<u8>, text: &[u8]) {
    let number = (text.len() <= LONGEST_INTEGER).then(|| parse_i64(text)).flatten();
    if let Some(number) = number.and_then(|number| i32::try_from(number).ok()) {
        return integer(out, number);
    }
    let compressed = (text.len() > TOO_SHORT).then(|| lzf::compress(text)).flatten();
    if let Some(compressed) = compressed {
        out.push(0xc3);
        length(out, compressed.len() as u64);
        length(out, text.len() as u64);
        out.extend_from_slice(&compressed);
    } else {
        length(out, text.len() as u64);
        out.extend_from_slice(text);
    }
}

fn integer(out: &mut Vec<u8>, number: i32) {
    if let Ok(number) = i8::try_from(number) {
        out.extend_from_slice(&[0xc0, number.cast_unsigned()]);
    } else if let Ok(number) = i16::try_from(number) {
        out.push(0xc1);
        out.extend_from_slice(&number.to_le_bytes());
    } else {
        out.push(0xc2);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Writes a time, Unix time in ms.
pub fn time_ms(out: &mut Vec<u8>, time_ms: u64) {
    out.extend_from_slice(&i64::try_from(time_ms).unwrap_or(i64::MAX).to_le_bytes());
}
