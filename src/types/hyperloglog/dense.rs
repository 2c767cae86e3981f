//! Dense registers: six bits each. Register 0 is the lowest six bits of the first byte, and so on upwards: four
//! registers are three bytes, read as one little-endian number.

use super::REGISTERS;

/// Bytes of all registers.
pub const BYTES: usize = REGISTERS / 4 * 3;

const BITS: usize = 6;
const MASK: u32 = 0x3f;

/// A register.
pub fn get(registers: &[u8], index: usize) -> u8 {
    let group = &registers[index / 4 * 3..];
    (word(group) >> (index % 4 * BITS) & MASK) as u8
}

/// Sets a register to a number below 64.
pub fn set(registers: &mut [u8], index: usize, number: u8) {
    let group = &mut registers[index / 4 * 3..];
    let shift = index % 4 * BITS;
    let new = word(group) & !(MASK << shift) | (u32::from(number) & MASK) << shift;
    group[..3].copy_from_slice(&new.to_le_bytes()[..3]);
}

/// Raises a register to a number, if it is lower. Returns whether it was.
pub fn raise(registers: &mut [u8], index: usize, number: u8) -> bool {
    let lower = get(registers, index) < number;
    if lower {
        set(registers, index, number);
    }
    lower
}

/// Shows all registers.
pub fn each(registers: &[u8], mut visit: impl FnMut(usize, u8)) {
    let (groups, _) = registers.as_chunks::<3>();
    for (group, bytes) in groups.iter().enumerate() {
        let word = word(bytes);
        for place in 0..4 {
            visit(group * 4 + place, (word >> (place * BITS) & MASK) as u8);
        }
    }
}

fn word(group: &[u8]) -> u32 {
    u32::from_le_bytes([group[0], group[1], group[2], 0])
}
