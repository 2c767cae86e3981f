//! What the fuzz targets of `tests/fuzz` run: bytes in, a panic if anything is wrong with what came of them.
//!
//! They are here and not there so that unit tests run them as well, on the committed seeds (`tests.rs`), without a
//! fuzzer. Each takes the first bytes of its input for choices (limits, partitions, where to cut), by [`Choices`],
//! and the rest for what comes from outside.

mod config;
mod connection;
mod contents;
mod files;
#[cfg(test)]
mod mutated;
mod parser;
mod rdb;
mod replication;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use tests::keep_script;

pub use config::config;
pub use connection::connection;
pub use files::files;
pub use parser::parser;
pub use rdb::rdb;
pub use replication::replication;

/// What the first bytes of an input choose. The same input chooses the same.
struct Choices {
    /// Two bytes whose bits mean what a target says.
    bits: u16,
    /// Drawn from both: where to cut, what else happens.
    random: fastrand::Rng,
}

impl Choices {
    /// The choices, and the rest. Input that is shorter chooses 0.
    fn take(data: &[u8]) -> (Choices, &[u8]) {
        let (head, rest) = data.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
        let bits = u16::from_le_bytes(*head);
        (Choices { bits, random: fastrand::Rng::with_seed(u64::from(bits)) }, rest)
    }

    /// Whether a bit is set.
    fn bit(&self, bit: u32) -> bool {
        self.bits >> bit & 1 != 0
    }

    /// Bytes cut into pieces; short ones, mostly.
    fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let most = [1, 3, 17, 200][self.random.usize(..4)];
            let (piece, rest) = bytes.split_at(self.random.usize(1..=most).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}
