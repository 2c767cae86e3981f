//! Listpacks: a sequence of small elements in one string.
//!
//! | bytes | what |
//! |-------|------|
//! | 4     | length of the whole, little-endian |
//! | 2     | number of elements, little-endian; 65535: so many or more |
//! |       | the elements: encoding, content, and the length of both once more, to be read backwards |
//! | 1     | `0xff` |
//!
//! | first byte | content |
//! |------------|---------|
//! | `0xxxxxxx` | an integer from 0 to 127 |
//! | `10xxxxxx` | so many bytes |
//! | `110xxxxx` | an integer of 13 bits, the low 8 in the next byte |
//! | `1110xxxx` | a length of 12 bits, the low 8 in the next byte; so many bytes |
//! | `11110000` | a length of 32 bits, little-endian; so many bytes |
//! | `11110001` … `11110100` | an integer of 16, 24, 32, 64 bits, little-endian |
//!
//! The length that is read backwards has seven bits a byte, the highest first; all bytes but the first have their
//! top bit set.

use super::element::Element;
use super::{Error, Result};
use crate::number::parse_i64;

const HEADER: usize = 6;
const END: u8 = 0xff;
/// From here on the number of elements is not told.
const COUNTLESS: usize = u16::MAX as usize;

const BROKEN: Error = Error::Corrupt("a listpack");

/// All elements of a listpack.
pub fn elements(bytes: &[u8]) -> Result<Vec<Element<'_>>> {
    let (header, mut rest) = bytes.split_first_chunk::<HEADER>().ok_or(BROKEN)?;
    let told_bytes = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let told_count = usize::from(u16::from_le_bytes([header[4], header[5]]));
    if told_bytes as usize != bytes.len() {
        return Err(BROKEN);
    }
    let mut elements = Vec::new();
    loop {
        match rest {
            [END] => break,
            [END, ..] | [] => return Err(BROKEN),
            _ => elements.push(next(&mut rest)?),
        }
    }
    if told_count != COUNTLESS && told_count != elements.len() {
        return Err(BROKEN);
    }
    Ok(elements)
}

/// Takes the first element off `rest`.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Element<'a>> {
    let (first, tail) = rest.split_first().ok_or(BROKEN)?;
    let second = || tail.first().map(|&byte| usize::from(byte)).ok_or(BROKEN);
    let integer = |count| Some((Element::Integer(little_endian(tail, count)?), 1 + count));
    let text = |start: usize, length: usize| {
        let end = start.checked_add(length).ok_or(BROKEN)?;
        Result::Ok((Element::Bytes(rest.get(start..end).ok_or(BROKEN)?), end))
    };
    let (element, length) = match *first {
        small @ 0..0x80 => (Element::Integer(small.into()), 1),
        short @ 0x80..0xc0 => text(1, usize::from(short & 0x3f))?,
        high @ 0xc0..0xe0 => {
            let unsigned = i64::from(high & 0x1f) << 8 | second()? as i64;
            (Element::Integer(if unsigned < 1 << 12 { unsigned } else { unsigned - (1 << 13) }), 2)
        }
        high @ 0xe0..0xf0 => text(2, usize::from(high & 0x0f) << 8 | second()?)?,
        0xf0 => {
            let length = tail.first_chunk::<4>().ok_or(BROKEN)?;
            text(5, u32::from_le_bytes(*length) as usize)?
        }
        0xf1 => integer(2).ok_or(BROKEN)?,
        0xf2 => integer(3).ok_or(BROKEN)?,
        0xf3 => integer(4).ok_or(BROKEN)?,
        0xf4 => integer(8).ok_or(BROKEN)?,
        _ => return Err(BROKEN),
    };
    let behind = rest.get(length..).ok_or(BROKEN)?;
    let (back, size) = back_length(length as u64);
    *rest = behind.strip_prefix(&back[..size]).ok_or(BROKEN)?;
    Ok(element)
}

/// A signed integer of so many bytes (1 to 8) at the front of `bytes`.
pub(super) fn little_endian(bytes: &[u8], count: usize) -> Option<i64> {
    let mut wide = [0; 8];
    wide[8 - count..].copy_from_slice(bytes.get(..count)?);
    Some(i64::from_le_bytes(wide) >> (64 - 8 * count))
}

/// The length of an element as it is read backwards, and how many bytes that takes.
fn back_length(length: u64) -> ([u8; 5], usize) {
    // The bounds are Redis's: one below what would fit.
    let size = match length {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut bytes = [0; 5];
    for (index, byte) in bytes[..size].iter_mut().enumerate() {
        let part = (length >> (7 * (size - 1 - index))) as u8 & 0x7f;
        *byte = part | if index > 0 { 0x80 } else { 0 };
    }
    (bytes, size)
}

/// A listpack under construction.
#[derive(Debug, Clone)]
pub struct Builder {
    bytes: Vec<u8>,
    count: usize,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder { bytes: vec![0; HEADER], count: 0 }
    }
}

impl Builder {
    /// Length of the listpack, were it finished now.
    pub fn size(&self) -> usize {
        self.bytes.len() + 1
    }

    /// How many elements it has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Appends an element; as an integer if it is the text of one.
    pub fn push(&mut self, text: &[u8]) {
        if let Some(number) = parse_i64(text) {
            return self.push_integer(number);
        }
        let start = self.bytes.len();
        match text.len() {
            length @ 0..64 => self.bytes.push(0x80 | length as u8),
            length @ 64..4096 => self.bytes.extend_from_slice(&(0xe000 | length as u16).to_be_bytes()),
            length => {
                self.bytes.push(0xf0);
                self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        self.end_element(start);
    }

    /// Appends an integer.
    pub fn push_integer(&mut self, number: i64) {
        let start = self.bytes.len();
        let wide = number.to_le_bytes();
        let (first, size) = match number {
            0..=127 => (number as u8, 0),
            -4096..=4095 => {
                let unsigned = (number & 0x1fff) as u16 | 0xc000;
                self.bytes.push((unsigned >> 8) as u8);
                (unsigned as u8, 0)
            }
            -0x8000..=0x7fff => (0xf1, 2),
            -0x80_0000..=0x7f_ffff => (0xf2, 3),
            -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
            _ => (0xf4, 8),
        };
        self.bytes.push(first);
        self.bytes.extend_from_slice(&wide[..size]);
        self.end_element(start);
    }

    fn end_element(&mut self, start: usize) {
        let (back, size) = back_length((self.bytes.len() - start) as u64);
        self.bytes.extend_from_slice(&back[..size]);
        self.count += 1;
    }

    /// The listpack's bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let (length, count) = (self.bytes.len() as u32, self.count.min(COUNTLESS) as u16);
        self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        self.bytes[4..HEADER].copy_from_slice(&count.to_le_bytes());
        self.bytes
    }
}
