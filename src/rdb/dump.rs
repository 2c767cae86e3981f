//! The envelope of DUMP: type, value, RDB version (2 bytes), CRC-64 of all before it (8 bytes), little-endian.

use super::source::Source;
use super::{Limits, REDIS_7_4, Result, Value, crc64, decode, encode};

const FOOTER: usize = 10;

/// A value as DUMP answers it, told in the oldest version that can: Redis 7.0 restores all but hashes whose fields
/// expire, for which it takes 7.4.
pub fn encode(value: &Value, limits: &Limits) -> Vec<u8> {
    let version = value.lowest_version();
    let mut out = vec![0];
    // The version was chosen so that it can be told.
    if let Ok(kind) = encode::value(&mut out, value, limits, version) {
        out[0] = kind;
    }
    out.extend_from_slice(&version.to_le_bytes());
    let sum = crc64::update(0, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// Bytes of a value without its type and envelope: what DEBUG OBJECT calls `serializedlength`.
pub fn value_length(value: &Value, limits: &Limits) -> usize {
    encode(value, limits).len() - FOOTER - 1
}

/// What an envelope holds, if its version is known and its checksum right. There is no checksum that stands for
/// "none", as there is in files.
pub fn open(bytes: &[u8]) -> Option<&[u8]> {
    let (content, footer) = bytes.split_at_checked(bytes.len().checked_sub(FOOTER)?)?;
    let (version, sum) = footer.split_first_chunk::<2>()?;
    let summed = &bytes[..content.len() + version.len()];
    let sound = u16::from_le_bytes(*version) <= REDIS_7_4 && crc64::update(0, summed).to_le_bytes() == sum;
    sound.then_some(content)
}

/// The value in an envelope's content. No string may be longer than `longest` bytes. As in Redis, what stands
/// behind the value is not looked at.
pub fn decode(content: &[u8], longest: u64) -> Result<Value> {
    let mut source = Source::with_longest(content, longest);
    let kind = source.byte()?;
    decode::value(&mut source, kind)
}
