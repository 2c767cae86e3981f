//! HyperLogLog: how many different elements were added, within about 0.81 %, in at most 12 KiB.
//!
//! An element's hash chooses one of 16384 registers and gives a number, the length of a run of zero bits and the one
//! behind it, 1 to 51; a register keeps the greatest number it was given. The value is a string, byte for byte
//! Redis's, so that GET and SET carry it over in both directions:
//!
//! | bytes | what |
//! |------:|------|
//! | 4  | `HYLL` |
//! | 1  | form of the registers: 0 dense, 1 sparse |
//! | 3  | 0 |
//! | 8  | the estimate, little-endian; if the top bit is set it is out of date |
//! |    | dense: 12288 bytes, six bits a register, the lowest first ([`dense`]). Sparse: runs of registers ([`sparse`]) |

pub mod dense;
pub mod estimate;
pub mod hash;
pub mod sparse;
#[cfg(test)]
mod tests;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// Bits of the hash that choose the register.
pub const INDEX_BITS: u32 = 14;
/// Greatest number that a register can be given: all other bits of the hash are zero.
pub const GREATEST: u8 = 64 - INDEX_BITS as u8 + 1;
/// Bytes before the registers.
pub const HEADER: usize = 16;

const MAGIC: &[u8; 4] = b"HYLL";
const FORM_AT: usize = 4;
const ESTIMATE_AT: usize = 8;
const OUT_OF_DATE_AT: usize = 15;
const OUT_OF_DATE: u8 = 0x80;

/// One byte a register: how several HyperLogLogs are joined.
pub type Registers = [u8; REGISTERS];

/// The form of the registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Six bits a register.
    Dense = 0,
    /// Runs of equal registers.
    Sparse = 1,
}

/// The registers of a sparse HyperLogLog do not add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// An empty HyperLogLog.
pub fn empty() -> Vec<u8> {
    let mut value = vec![0; HEADER];
    value[..MAGIC.len()].copy_from_slice(MAGIC);
    value[FORM_AT] = Form::Sparse as u8;
    sparse::push_zeros(&mut value, REGISTERS);
    value
}

/// The form of a HyperLogLog; `None` if the bytes are none.
pub fn form(value: &[u8]) -> Option<Form> {
    if value.len() < HEADER || !value.starts_with(MAGIC) {
        return None;
    }
    match value[FORM_AT] {
        0 if value.len() == HEADER + dense::BYTES => Some(Form::Dense),
        1 => Some(Form::Sparse),
        _ => None,
    }
}

/// Adds an element. Returns whether a register changed; the estimate is out of date then. A sparse one becomes
/// dense if it would grow beyond `sparse_max` bytes, header included.
pub fn add(value: &mut Vec<u8>, element: &[u8], sparse_max: usize) -> Result<bool, Corrupt> {
    let (index, number) = hash::place(element);
    raise(value, index, number, sparse_max)
}

/// Raises a register to a number, if it is lower; as [`add`].
pub fn raise(value: &mut Vec<u8>, index: usize, number: u8, sparse_max: usize) -> Result<bool, Corrupt> {
    let changed = if value[FORM_AT] == Form::Dense as u8 {
        dense::raise(&mut value[HEADER..], index, number)
    } else {
        match sparse::raise(value, index, number, sparse_max)? {
            sparse::Raised::Done(changed) => changed,
            sparse::Raised::NoRoom => {
                make_dense(value)?;
                dense::raise(&mut value[HEADER..], index, number)
            }
        }
    };
    if changed {
        outdate(value);
    }
    Ok(changed)
}

/// Marks the estimate as out of date.
pub fn outdate(value: &mut [u8]) {
    value[OUT_OF_DATE_AT] |= OUT_OF_DATE;
}

/// The estimate that the value holds, unless it is out of date.
pub fn cached(value: &[u8]) -> Option<u64> {
    let bytes = value.get(ESTIMATE_AT..)?.first_chunk::<8>()?;
    (value[OUT_OF_DATE_AT] & OUT_OF_DATE == 0).then(|| u64::from_le_bytes(*bytes))
}

/// Notes an estimate in the value.
pub fn cache(value: &mut [u8], estimate: u64) {
    value[ESTIMATE_AT..HEADER].copy_from_slice(&estimate.to_le_bytes());
}

/// Estimates how many different elements were added.
pub fn count(value: &[u8]) -> Result<u64, Corrupt> {
    let mut histogram = [0; estimate::NUMBERS];
    if value[FORM_AT] == Form::Dense as u8 {
        dense::each(&value[HEADER..], |_, number| histogram[usize::from(number)] += 1);
    } else {
        sparse::each_run(&value[HEADER..], |run| histogram[usize::from(run.number)] += run.length)?;
    }
    Ok(estimate::of(&histogram))
}

/// Estimates how many different elements are in joined HyperLogLogs.
pub fn count_joined(registers: &Registers) -> u64 {
    let mut histogram = [0; estimate::NUMBERS];
    registers.iter().for_each(|&number| histogram[usize::from(number)] += 1);
    estimate::of(&histogram)
}

/// Joins a HyperLogLog with others: of each register, the greater number.
pub fn join(registers: &mut Registers, value: &[u8]) -> Result<(), Corrupt> {
    if value[FORM_AT] == Form::Dense as u8 {
        dense::each(&value[HEADER..], |index, number| registers[index] = registers[index].max(number));
        return Ok(());
    }
    sparse::each_run(&value[HEADER..], |run| {
        if run.number > 0 {
            for register in &mut registers[run.first..run.first + run.length] {
                *register = run.number.max(*register);
            }
        }
    })
}

/// Turns a sparse HyperLogLog into a dense one; the estimate stays. Returns whether it was sparse.
pub fn make_dense(value: &mut Vec<u8>) -> Result<bool, Corrupt> {
    if value[FORM_AT] == Form::Dense as u8 {
        return Ok(false);
    }
    let mut new = value[..HEADER].to_vec();
    new[FORM_AT] = Form::Dense as u8;
    new.resize(HEADER + dense::BYTES, 0);
    sparse::each_run(&value[HEADER..], |run| {
        if run.number > 0 {
            for index in run.first..run.first + run.length {
                dense::raise(&mut new[HEADER..], index, run.number);
            }
        }
    })?;
    *value = new;
    Ok(true)
}
