//! Ziplists: what listpacks were before Redis 7.
//!
//! | bytes | what |
//! |-------|------|
//! | 4     | length of the whole |
//! | 4     | where the last element begins |
//! | 2     | number of elements; 65535: so many or more |
//! |       | the elements: length of the one before, encoding, content |
//! | 1     | `0xff` |
//!
//! The length of the element before is one byte, or `0xfe` and four. All integers are little-endian, but for lengths
//! of content:
//!
//! | first byte | content |
//! |------------|---------|
//! | `00xxxxxx` | so many bytes |
//! | `01xxxxxx` | a length of 14 bits, the low 8 in the next byte; so many bytes |
//! | `10000000` | a length of 32 bits, big-endian; so many bytes |
//! | `11000000`, `11010000`, `11100000`, `11110000`, `11111110` | an integer of 16, 32, 64, 24, 8 bits |
//! | `11110001` … `11111101` | an integer from 0 to 12 |

use super::element::Element;
use super::listpack::little_endian;
use super::{Error, Result};

const HEADER: usize = 10;
const END: u8 = 0xff;
const LONG: u8 = 0xfe;
/// From here on the number of elements is not told.
const COUNTLESS: usize = u16::MAX as usize;

const BROKEN: Error = Error::Corrupt("a ziplist");

/// All elements of a ziplist.
pub fn elements(bytes: &[u8]) -> Result<Vec<Element<'_>>> {
    let header = bytes.first_chunk::<HEADER>().ok_or(BROKEN)?;
    let word =
        |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize;
    let told_count = usize::from(u16::from_le_bytes([header[8], header[9]]));
    if word(0) != bytes.len() {
        return Err(BROKEN);
    }
    let (mut elements, mut at, mut before) = (Vec::new(), HEADER, 0);
    loop {
        match bytes.get(at..) {
            Some([END]) => break,
            None | Some([] | [END, ..]) => return Err(BROKEN),
            Some(rest) => {
                let (element, size) = next(rest, before)?;
                elements.push(element);
                before = size;
                at += size;
            }
        }
    }
    // In an empty one, the last element would begin where the end is.
    if word(4) != at - before || (told_count != COUNTLESS && told_count != elements.len()) {
        return Err(BROKEN);
    }
    Ok(elements)
}

/// The element at the front of `rest`, and its size. The one before it has the size `before`.
fn next(rest: &[u8], before: usize) -> Result<(Element<'_>, usize)> {
    let (told, start) = match rest {
        [LONG, tail @ ..] => (u32::from_le_bytes(*tail.first_chunk::<4>().ok_or(BROKEN)?) as usize, 5),
        [short, ..] => (usize::from(*short), 1),
        [] => return Err(BROKEN),
    };
    if told != before {
        return Err(BROKEN);
    }
    let (first, tail) = rest.get(start..).and_then(<[u8]>::split_first).ok_or(BROKEN)?;
    let integer = |count| {
        let number = little_endian(tail, count).ok_or(BROKEN)?;
        Ok((Element::Integer(number), start + 1 + count))
    };
    let text = |header: usize, length: usize| {
        let (from, end) = (start + header, (start + header).checked_add(length).ok_or(BROKEN)?);
        Ok((Element::Bytes(rest.get(from..end).ok_or(BROKEN)?), end))
    };
    match *first {
        length @ 0..0x40 => text(1, length.into()),
        high @ 0x40..0x80 => {
            text(2, usize::from(high & 0x3f) << 8 | usize::from(*tail.first().ok_or(BROKEN)?))
        }
        0x80 => text(5, u32::from_be_bytes(*tail.first_chunk::<4>().ok_or(BROKEN)?) as usize),
        0xc0 => integer(2),
        0xd0 => integer(4),
        0xe0 => integer(8),
        0xf0 => integer(3),
        0xfe => integer(1),
        small @ 0xf1..=0xfd => Ok((Element::Integer(i64::from(small) - 0xf1), start + 1)),
        _ => Err(BROKEN),
    }
}
