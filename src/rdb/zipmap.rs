//! Zipmaps: small hashes of Redis before 2.6.
//!
//! | bytes | what |
//! |-------|------|
//! | 1     | number of fields; 254: so many or more |
//! |       | for each field: its length, the field, length of its value, how many unused bytes follow the value (1 byte), the value, those bytes |
//! | 1     | `0xff` |
//!
//! A length is one byte, or `0xfe` and four, little-endian.

use super::{Error, Result};

const END: u8 = 0xff;
const LONG: u8 = 0xfe;
/// From here on the number of fields is not told.
const COUNTLESS: usize = 254;

const BROKEN: Error = Error::Corrupt("a zipmap");

/// A field and its value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// All fields of a zipmap.
pub fn pairs(bytes: &[u8]) -> Result<Vec<Pair<'_>>> {
    let (&told_count, mut rest) = bytes.split_first().ok_or(BROKEN)?;
    let mut pairs = Vec::new();
    loop {
        match rest {
            [END] => break,
            [END, ..] | [] => return Err(BROKEN),
            _ => {}
        }
        let length = take_length(&mut rest)?;
        let field = take(&mut rest, length)?;
        let length = take_length(&mut rest)?;
        let unused = take(&mut rest, 1)?[0];
        let value = take(&mut rest, length)?;
        take(&mut rest, unused.into())?;
        pairs.push((field, value));
    }
    let told_count = usize::from(told_count);
    if told_count < COUNTLESS && told_count != pairs.len() {
        return Err(BROKEN);
    }
    Ok(pairs)
}

fn take_length(rest: &mut &[u8]) -> Result<usize> {
    match take(rest, 1)?[0] {
        END => Err(BROKEN),
        LONG => {
            let bytes = take(rest, 4)?.first_chunk::<4>().ok_or(BROKEN)?;
            Ok(u32::from_le_bytes(*bytes) as usize)
        }
        short => Ok(short.into()),
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(count).ok_or(BROKEN)?;
    *rest = tail;
    Ok(head)
}
