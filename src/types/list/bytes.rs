//! How big Redis's listpack of a list would be: OBJECT ENCODING depends on it.

use crate::encoding::packed_list::{Block, Item};
use crate::number::parse_i64;

/// Bytes of a listpack beside its entries.
pub(super) const LISTPACK_FRAME: u64 = 7;
/// An entry takes at most so many bytes beside its content.
const MOST_BESIDE: u64 = 10;

/// Bytes of a listpack's entry for an element. Integers are kept in fewer bytes than their digits.
pub(super) fn entry_bytes(element: &[u8]) -> u64 {
    /// No integer has more digits.
    const LONGEST_INTEGER: usize = 20;
    let integer = if element.len() <= LONGEST_INTEGER { parse_i64(element) } else { None };
    let bytes = match integer {
        Some(0..=127) => 1,
        Some(-4096..=4095) => 2,
        Some(-32_768..=32_767) => 3,
        Some(-8_388_608..=8_388_607) => 4,
        Some(number) if i32::try_from(number).is_ok() => 5,
        Some(_) => 9,
        None => return string_bytes(element.len()),
    };
    bytes + 1
}

fn string_bytes(length: usize) -> u64 {
    let length = length as u64;
    let entry = length
        + match length {
            0..64 => 1,
            64..4096 => 2,
            _ => 5,
        };
    // Each entry ends with its own length, seven bits a byte.
    entry + u64::from((64 - entry.leading_zeros()).div_ceil(7).max(1))
}

/// As [`entry_bytes`]; what stands elsewhere is too long for an integer.
pub(super) fn item_bytes(item: Item<'_>) -> u64 {
    match item {
        Item::Here(element) => entry_bytes(element),
        Item::Apart { length, .. } => string_bytes(length as usize),
    }
}

/// Bytes of the listpack of these elements, without its frame.
pub(super) fn block_bytes(block: Block<'_>) -> u64 {
    block.items().map(item_bytes).sum()
}

/// What `list-max-listpack-size` says: a number of elements, or, negative, a number of bytes.
#[derive(Debug, Clone, Copy)]
pub struct ListpackLimit {
    count: Option<u64>,
    bytes: u64,
}

impl ListpackLimit {
    /// By the option's value.
    pub fn of(option: i64) -> ListpackLimit {
        /// Redis bounds the bytes too if the number is limited.
        const SAFE_BYTES: u64 = 8192;
        if option >= 0 {
            ListpackLimit { count: Some(option.max(1) as u64), bytes: SAFE_BYTES }
        } else {
            ListpackLimit { count: None, bytes: 4096 << (-option - 1).min(4) }
        }
    }

    /// Whether a list becomes a quicklist that would have `len` elements in a listpack of `bytes` bytes.
    pub(super) fn exceeded(&self, bytes: u64, len: u64) -> bool {
        bytes > self.bytes || self.count.is_some_and(|count| len > count)
    }

    /// As [`ListpackLimit::exceeded`] for `added` bytes more behind a block, which is looked at only if it matters.
    pub(super) fn exceeded_by(&self, block: Block<'_>, added: u64, len: u64) -> bool {
        let most = block.stored_bytes() as u64 + MOST_BESIDE * block.len() as u64 + LISTPACK_FRAME + added;
        self.exceeded(most, len) && self.exceeded(block_bytes(block) + LISTPACK_FRAME + added, len)
    }

    /// Whether a quicklist becomes a listpack again: it has only half of what is allowed.
    pub(super) fn half_fits(&self, bytes: u64, len: u64) -> bool {
        match self.count {
            Some(count) => len <= count / 2,
            None => bytes <= self.bytes / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_the_sizes_of_a_listpack() {
        let sizes = [
            ("", 2),
            ("0", 2),
            ("127", 2),
            ("128", 3),
            ("-1", 3),
            ("-4096", 3),
            ("4096", 4),
            ("-32769", 5),
            ("8388608", 6),
            ("2147483648", 10),
            ("-9223372036854775808", 10),
            ("9223372036854775808", 21),
            ("007", 5),
        ];
        for (element, bytes) in sizes {
            assert_eq!(entry_bytes(element.as_bytes()), bytes, "{element:?}");
        }
        // The head grows at 64 and 4096 bytes, the length behind at 128 and 16384.
        for (length, bytes) in [(63, 65), (64, 67), (125, 128), (126, 130), (4095, 4099), (4096, 4103)] {
            assert_eq!(entry_bytes(&vec![b'x'; length]), bytes, "{length}");
            assert_eq!(item_bytes(Item::Apart { number: 0, length: length as u32 }), bytes, "{length}");
        }
    }

    #[test]
    fn the_limit_is_a_number_or_a_size() {
        let limit = ListpackLimit::of(2);
        assert!(!limit.exceeded(8192, 2) && limit.exceeded(10, 3) && limit.exceeded(8193, 1));
        assert!(limit.half_fits(8000, 1) && !limit.half_fits(10, 2));
        assert!(ListpackLimit::of(0).exceeded(10, 2) && !ListpackLimit::of(0).exceeded(10, 1));
        for (option, bytes) in [(-1, 4096), (-2, 8192), (-5, 65_536), (-100, 65_536)] {
            let limit = ListpackLimit::of(option);
            assert!(!limit.exceeded(bytes, 1 << 40) && limit.exceeded(bytes + 1, 1), "{option}");
            assert!(limit.half_fits(bytes / 2, 1 << 40) && !limit.half_fits(bytes / 2 + 1, 1), "{option}");
        }
    }
}
