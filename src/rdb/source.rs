//! Reading the primitives of RDB: bytes, integers, lengths, strings.
//!
//! | first byte | what it is |
//! |------------|------------|
//! | `00xxxxxx` | a length below 64 |
//! | `01xxxxxx` | a length of 14 bits; one more byte follows, big-endian |
//! | `10000000` | a length of 32 bits follows, big-endian |
//! | `10000001` | a length of 64 bits follows, big-endian |
//! | `11000000` | where a string is due: an integer of 8 bits follows; its decimal text is the string |
//! | `11000001` | the same of 16 bits, little-endian |
//! | `11000010` | the same of 32 bits, little-endian |
//! | `11000011` | a compressed string: length of the compressed bytes, length of the string, [`super::lzf`] |

use std::io::Read;

use super::{Error, Result, crc64, lzf};
use crate::number::Decimal;

/// Bytes that are read once, in order, with their checksum. The reader behind it should be buffered.
#[derive(Debug)]
pub struct Source<R> {
    reader: R,
    sum: u64,
    position: u64,
    longest: u64,
}

/// A length, or how the string is encoded that stands in its place.
enum Length {
    Plain(u64),
    Encoded(u8),
}

const INT8: u8 = 0;
const INT16: u8 = 1;
const INT32: u8 = 2;
const COMPRESSED: u8 = 3;

impl<R: Read> Source<R> {
    /// Reads from `reader`; strings may have any length.
    pub fn new(reader: R) -> Source<R> {
        Source { reader, sum: 0, position: 0, longest: u64::MAX }
    }

    /// Refuses strings of more than `longest` bytes, decompressed.
    pub fn with_longest(reader: R, longest: u64) -> Source<R> {
        Source { longest, ..Source::new(reader) }
    }

    /// What it reads from, behind what was read.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// The [`crc64`] of all bytes so far.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many bytes were read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes, as many as `out` holds.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<()> {
        self.reader.read_exact(out)?;
        self.sum = crc64::update(self.sum, out);
        self.position += out.len() as u64;
        Ok(())
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(out)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// The next `count` bytes. Memory is taken as they come.
    pub fn bytes(&mut self, count: u64) -> Result<Vec<u8>> {
        const PIECE: usize = 64 * 1024;
        if count > self.longest {
            return Err(Error::Corrupt("a string is too long"));
        }
        let mut left = usize::try_from(count).map_err(|_| Error::Short)?;
        let mut out = Vec::with_capacity(left.min(PIECE));
        while left > 0 {
            let start = out.len();
            let piece = left.min(PIECE.max(start));
            out.resize(start + piece, 0);
            self.fill(&mut out[start..])?;
            left -= piece;
        }
        Ok(out)
    }

    fn length_or_encoding(&mut self) -> Result<Length> {
        let first = self.byte()?;
        Ok(match (first >> 6, first & 0x3f) {
            (0, length) => Length::Plain(length.into()),
            (1, high) => Length::Plain(u64::from(high) << 8 | u64::from(self.byte()?)),
            (2, 0) => Length::Plain(u32::from_be_bytes(self.array()?).into()),
            (2, 1) => Length::Plain(u64::from_be_bytes(self.array()?)),
            (2, _) => return Err(Error::Corrupt("a length")),
            (_, encoding) => Length::Encoded(encoding),
        })
    }

    /// A length, or another unsigned integer that is written as one.
    pub fn length(&mut self) -> Result<u64> {
        match self.length_or_encoding()? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(_) => Err(Error::Corrupt("a length")),
        }
    }

    /// A string.
    pub fn string(&mut self) -> Result<Vec<u8>> {
        let number = match self.length_or_encoding()? {
            Length::Plain(length) => return self.bytes(length),
            Length::Encoded(COMPRESSED) => return self.compressed(),
            Length::Encoded(INT8) => i8::from_le_bytes(self.array()?).into(),
            Length::Encoded(INT16) => i16::from_le_bytes(self.array()?).into(),
            Length::Encoded(INT32) => i32::from_le_bytes(self.array()?).into(),
            Length::Encoded(_) => return Err(Error::Corrupt("the encoding of a string")),
        };
        Ok(Decimal::new(number).as_bytes().to_vec())
    }

    fn compressed(&mut self) -> Result<Vec<u8>> {
        let (compressed, length) = (self.length()?, self.length()?);
        if length > self.longest {
            return Err(Error::Corrupt("a string is too long"));
        }
        let compressed = self.bytes(compressed)?;
        lzf::decompress(&compressed, usize::try_from(length).map_err(|_| Error::Short)?)
    }

    /// A time, Unix time in ms, 64 bits little-endian; one before 1970 is 1970.
    pub fn time_ms(&mut self) -> Result<u64> {
        Ok(i64::from_le_bytes(self.array()?).max(0).cast_unsigned())
    }
}
