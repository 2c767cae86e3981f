//! LZF, the compression of RDB strings.
//!
//! A block is a sequence of: a byte below 32, `n`, and `n + 1` bytes as they are; or a copy of bytes that came
//! before: three bits of length, thirteen of distance. Length 7 is followed by a byte that is added to it. The copy
//! is of length + 2 bytes and begins distance + 1 bytes back.

use super::{Error, Result};

const LONGEST_RUN: usize = 32;
const LONGEST_COPY: usize = 7 + 255 + 2;
const FARTHEST: usize = 1 << 13;

/// What `compressed` stands for, which must be `length` bytes.
pub fn decompress(compressed: &[u8], length: usize) -> Result<Vec<u8>> {
    const BROKEN: Error = Error::Corrupt("a compressed string");
    // Nothing is reserved for a length that the bytes cannot reach.
    let mut out = Vec::with_capacity(length.min(compressed.len().saturating_mul(LONGEST_COPY / 3)));
    let mut rest = compressed;
    while let Some((&control, tail)) = rest.split_first() {
        let control = usize::from(control);
        if control < LONGEST_RUN {
            let (run, tail) = tail.split_at_checked(control + 1).ok_or(BROKEN)?;
            out.extend_from_slice(run);
            rest = tail;
        } else {
            let (more, tail) = if control >> 5 == 7 { tail.split_first().ok_or(BROKEN)? } else { (&0, tail) };
            let (&low, tail) = tail.split_first().ok_or(BROKEN)?;
            let count = (control >> 5) + usize::from(*more) + 2;
            let distance = ((control & 31) << 8 | usize::from(low)) + 1;
            let start = out.len().checked_sub(distance).ok_or(BROKEN)?;
            // It may overlap what it makes: "a" copied eight times from one back.
            for index in start..start + count {
                out.push(out[index]);
            }
            rest = tail;
        }
        if out.len() > length {
            return Err(BROKEN);
        }
    }
    if out.len() == length { Ok(out) } else { Err(BROKEN) }
}

/// Compresses `bytes`; `None` if that does not save more than four of them.
///
/// Where copies may begin and end, and when it gives up, is as in Redis, so that DUMPs have the same size, and
/// mostly the same bytes: nothing is copied from the very first byte, nor into the last two.
pub fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    const TAIL: usize = 2;
    let most = bytes.len().checked_sub(4)?;
    // Positions are 32 bits; nobody compresses more at once.
    let end = u32::try_from(bytes.len()).ok()? as usize - TAIL;
    let mut out = Vec::with_capacity(most);
    // Where three bytes were seen last; 0 is nowhere. As many places as a short string can use.
    let bits = (usize::BITS - bytes.len().leading_zeros() + 2).clamp(8, 16);
    let mut seen = vec![0u32; 1 << bits];
    let slot = |at: usize| {
        let three = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0]);
        (three.wrapping_mul(0x9e37_79b1) >> (u32::BITS - bits)) as usize
    };
    let (mut at, mut run_start) = (0, 0);
    while at < end {
        let from = std::mem::replace(&mut seen[slot(at)], at as u32) as usize;
        if from == 0 || at - from > FARTHEST || bytes[from..from + 3] != bytes[at..at + 3] {
            at += 1;
            continue;
        }
        push_runs(&mut out, &bytes[run_start..at]);
        if out.len() + 4 >= most {
            return None;
        }
        let longest = LONGEST_COPY.min(end - at).max(3);
        let count = (3..longest).find(|&n| bytes[from + n] != bytes[at + n]).unwrap_or(longest);
        push_copy(&mut out, at - from - 1, count - 2);
        at += count;
        run_start = at;
        // What the copy ends with is worth finding again; all of it would take too long.
        for place in at - 2..at {
            if at < end {
                seen[slot(place)] = place as u32;
            }
        }
    }
    let run = at.min(bytes.len()) - run_start;
    if out.len() + run + run / LONGEST_RUN + 1 + 3 > most {
        return None;
    }
    push_runs(&mut out, &bytes[run_start..]);
    Some(out)
}

fn push_runs(out: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(LONGEST_RUN) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn push_copy(out: &mut Vec<u8>, distance: usize, length: usize) {
    let high = (distance >> 8) as u8;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (length - 7) as u8]);
    }
    out.push(distance as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_copies_are_undone() {
        assert_eq!(decompress(b"\x00a\xe0\x01\x00", 11).unwrap(), b"aaaaaaaaaaa");
        assert_eq!(decompress(b"\x02abc\x20\x02", 6).unwrap(), b"abcabc");
        assert_eq!(decompress(b"", 0).unwrap(), b"");
        for broken in
            [&b"\x01a"[..], b"\x00a\x20", b"\x00a\xe0\x01", b"\x20\x00", b"\x00a\x20\x01", b"\x00ab"]
        {
            assert!(decompress(broken, 4).is_err());
        }
        // Neither shorter nor longer than was said.
        assert!(decompress(b"\x00a\x20\x00", 3).is_err());
        assert!(decompress(b"\x00a\x20\x00", 5).is_err());
    }

    #[test]
    fn what_is_compressed_reads_back() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let letters = random.u8(1..20);
            let bytes: Vec<u8> = (0..random.usize(0..1500)).map(|_| random.u8(0..letters)).collect();
            if let Some(compressed) = compress(&bytes) {
                assert!(compressed.len() + 4 <= bytes.len());
                assert_eq!(decompress(&compressed, bytes.len()).unwrap(), bytes);
            }
        }
        assert_eq!(compress(b"abcdefghijklmnopqrstuvwxyz"), None);
        assert_eq!(compress(b"abc"), None);
        assert_eq!(compress(&[b'x'; 100_000]).map(|bytes| bytes.len()), Some(1143));
    }
}
