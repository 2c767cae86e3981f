//! Sparse registers: runs of equal ones, one after the other, which cover all registers.
//!
//! | bits | run |
//! |------|-----|
//! | `00nnnnnn` | *n* + 1 registers are 0 (1 to 64) |
//! | `01nnnnnn nnnnnnnn` | *n* + 1 registers are 0 (1 to 16384) |
//! | `1vvvvvnn` | *n* + 1 registers are *v* + 1 (1 to 4 registers, numbers 1 to 32) |
//!
//! Which runs stand for the same registers is a matter of their history; it is here as in Redis, so that values are
//! the same byte for byte after the same commands.

use super::{Corrupt, HEADER, REGISTERS};

/// Greatest number that a run can have.
pub const GREATEST: u8 = 32;
const LONGEST_VALUE: usize = 4;
const LONGEST_ZERO: usize = 64;
const LONGEST_LONG_ZERO: usize = 16384;
/// After a change, so many runs are looked at, beginning with the one before it, whether two can be one.
const JOIN: usize = 5;

/// A run of registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first register.
    pub first: usize,
    /// How many; at least 1.
    pub length: usize,
    /// What they hold, at most [`GREATEST`].
    pub number: u8,
    /// How many bytes stand for it, 1 or 2.
    pub bytes: usize,
}

impl Run {
    /// Takes the first run of some bytes apart. A second byte that is missing counts as 0, as in Redis.
    fn read(bytes: &[u8], first: usize) -> Option<Run> {
        Some(match *bytes {
            [head, ..] if head & 0x80 != 0 => {
                Run { first, length: usize::from(head & 3) + 1, number: (head >> 2 & 0x1f) + 1, bytes: 1 }
            }
            [head, ref rest @ ..] if head & 0x40 != 0 => {
                let low = rest.first().copied().unwrap_or(0);
                let length = usize::from(head & 0x3f) << 8 | usize::from(low);
                Run { first, length: length + 1, number: 0, bytes: 2 }
            }
            [head, ..] => Run { first, length: usize::from(head & 0x3f) + 1, number: 0, bytes: 1 },
            [] => return None,
        })
    }

    fn end(self) -> usize {
        self.first + self.length
    }
}

/// The runs, as far as they can be read; whether they cover all registers is not asked.
pub fn runs(mut bytes: &[u8]) -> impl Iterator<Item = Run> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let run = Run::read(bytes, first)?;
        bytes = bytes.get(run.bytes..).unwrap_or(&[]);
        first = run.end();
        Some(run)
    })
}

/// Shows all runs. They must cover all registers and no more.
pub fn each_run(bytes: &[u8], mut visit: impl FnMut(Run)) -> Result<(), Corrupt> {
    let mut covered = 0;
    for run in runs(bytes) {
        covered = run.end();
        if covered > REGISTERS {
            return Err(Corrupt);
        }
        visit(run);
    }
    if covered == REGISTERS { Ok(()) } else { Err(Corrupt) }
}

/// Appends registers that are 0, in as few runs as possible.
pub fn push_zeros(out: &mut Vec<u8>, mut count: usize) {
    while count > 0 {
        let length = count.min(LONGEST_LONG_ZERO);
        push_zero(out, length);
        count -= length;
    }
}

/// Appends one run of 1 to 16384 registers that are 0.
fn push_zero(out: &mut Vec<u8>, length: usize) {
    if length > LONGEST_ZERO {
        out.push(0x40 | ((length - 1) >> 8) as u8);
    }
    out.push((length - 1) as u8);
}

/// One run of 1 to 4 registers that hold a number of 1 to 32.
fn value_run(number: u8, length: usize) -> u8 {
    0x80 | (number - 1) << 2 | (length - 1) as u8
}

/// What became of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raised {
    /// It was raised, or held as much already.
    Done(bool),
    /// It would be, but there is no run for that number, or the value would grow beyond its limit.
    NoRoom,
}

/// Raises a register of a sparse HyperLogLog to a number, if it is lower.
pub fn raise(value: &mut Vec<u8>, index: usize, number: u8, limit: usize) -> Result<Raised, Corrupt> {
    if number > GREATEST {
        return Ok(Raised::NoRoom);
    }
    let (mut before, mut at, mut hit) = (HEADER, HEADER, None);
    for run in runs(&value[HEADER..]) {
        if index < run.end() {
            hit = Some(run);
            break;
        }
        before = at;
        at += run.bytes;
    }
    let run = hit.filter(|run| at + run.bytes <= value.len()).ok_or(Corrupt)?;
    if run.number >= number {
        return Ok(Raised::Done(false));
    }
    let mut new = Vec::with_capacity(5);
    let (left, right) = (index - run.first, run.end() - index - 1);
    let keep = |out: &mut Vec<u8>, length: usize| match (length, run.number) {
        (0, _) => {}
        (_, 0) => push_zero(out, length),
        (_, old) => out.push(value_run(old, length)),
    };
    keep(&mut new, left);
    new.push(value_run(number, 1));
    keep(&mut new, right);
    if new.len() > run.bytes && value.len() + new.len() - run.bytes > limit {
        return Ok(Raised::NoRoom);
    }
    value.splice(at..at + run.bytes, new);
    join_values(value, before);
    Ok(Raised::Done(true))
}

/// Makes one run of two neighbours that hold the same number, where one is long enough for both.
fn join_values(value: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN {
        let Some(run) = Run::read(&value[at.min(value.len())..], 0) else { break };
        let next = value.get(at + run.bytes..).and_then(|rest| Run::read(rest, 0));
        match next {
            Some(next)
                if run.number > 0
                    && next.number == run.number
                    && run.length + next.length <= LONGEST_VALUE =>
            {
                value[at + 1] = value_run(run.number, run.length + next.length);
                value.remove(at);
            }
            _ => at += run.bytes,
        }
    }
}
