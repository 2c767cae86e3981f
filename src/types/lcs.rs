//! The longest common subsequence of two strings.
//!
//! Several subsequences may be equally long. The choice among them is visible to clients, and is Redis's: from the
//! end, where the last bytes differ, the second string is cut, unless cutting the first one leaves more.

/// A run of bytes that both strings have and that belongs to the subsequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where it begins in the first string.
    pub first: usize,
    /// Where it begins in the second string.
    pub second: usize,
    /// Bytes.
    pub len: usize,
}

/// The length alone: in the memory of one row.
pub fn length(first: &[u8], second: &[u8]) -> usize {
    fill(first, second, |_, _| {})
}

/// The runs that the subsequence consists of, the last one first. Takes a bit for each pair of bytes.
pub fn runs(first: &[u8], second: &[u8]) -> Vec<Run> {
    let words_per_row = second.len().div_ceil(64);
    let mut cut_first = vec![0u64; first.len() * words_per_row];
    fill(first, second, |i, j| cut_first[i * words_per_row + j / 64] |= 1 << (j % 64));
    let mut runs: Vec<Run> = Vec::new();
    let (mut i, mut j) = (first.len(), second.len());
    let mut open = false;
    while i > 0 && j > 0 {
        if first[i - 1] == second[j - 1] {
            (i, j) = (i - 1, j - 1);
            match runs.last_mut() {
                Some(run) if open => *run = Run { first: i, second: j, len: run.len + 1 },
                _ => runs.push(Run { first: i, second: j, len: 1 }),
            }
            open = true;
        } else {
            open = false;
            if cut_first[(i - 1) * words_per_row + (j - 1) / 64] >> ((j - 1) % 64) & 1 == 1 {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }
    runs
}

/// Finds the length for all pairs of prefixes, row by row, and returns the last. `cut_first` hears of each pair of
/// bytes that differ where leaving out the one of the first string keeps more than leaving out the other.
fn fill(first: &[u8], second: &[u8], mut cut_first: impl FnMut(usize, usize)) -> usize {
    let mut row = vec![0u32; second.len()];
    for (i, &byte) in first.iter().enumerate() {
        let (mut diagonal, mut left) = (0, 0);
        for (j, (cell, &other)) in row.iter_mut().zip(second).enumerate() {
            let above = *cell;
            left = if byte == other {
                diagonal + 1
            } else if above > left {
                cut_first(i, j);
                above
            } else {
                left
            };
            diagonal = above;
            *cell = left;
        }
    }
    row.last().map_or(0, |&length| length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(first: &[u8], second: &[u8]) -> usize {
        match (first.split_last(), second.split_last()) {
            (Some((x, first)), Some((y, second))) if x == y => naive(first, second) + 1,
            (Some((_, shorter)), Some((_, other))) => naive(shorter, second).max(naive(first, other)),
            _ => 0,
        }
    }

    #[test]
    fn runs_are_common_and_as_long_as_possible() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut string =
                || -> Vec<u8> { (0..random.usize(0..9)).map(|_| random.u8(b'a'..b'd')).collect() };
            let (first, second) = (string(), string());
            let runs = runs(&first, &second);
            let mut ends = (first.len(), second.len());
            for run in &runs {
                assert_eq!(first[run.first..run.first + run.len], second[run.second..run.second + run.len]);
                assert!(run.first + run.len <= ends.0 && run.second + run.len <= ends.1);
                ends = (run.first, run.second);
            }
            let sum: usize = runs.iter().map(|run| run.len).sum();
            assert_eq!(sum, naive(&first, &second), "{first:?} {second:?}");
            assert_eq!(sum, length(&first, &second));
        }
    }

    #[test]
    fn rows_longer_than_a_word_of_bits() {
        let first = b"ab".repeat(200);
        let second = [b"x".repeat(130), first.clone()].concat();
        assert_eq!(runs(&first, &second), [Run { first: 0, second: 130, len: 400 }]);
        assert_eq!(runs(&second, &first), [Run { first: 130, second: 0, len: 400 }]);
        assert_eq!(runs(b"", b"abc"), []);
        assert_eq!(length(b"abc", b""), 0);
    }
}
