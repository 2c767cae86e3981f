//! Passwords, kept as their SHA-256.

use std::hint::black_box;

use sha2::{Digest, Sha256};

/// The SHA-256 of a password; nobody keeps the password itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password([u8; 32]);

impl Password {
    /// Of a password in the clear.
    pub fn of(clear: &[u8]) -> Password {
        Password(Sha256::digest(clear).into())
    }

    /// From 64 lower-case hexadecimal digits; `None` for anything else.
    pub fn from_hex(digits: &[u8]) -> Option<Password> {
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_chunks::<2>().0) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Some(Password(hash))
    }

    /// As 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it is the same; how long that takes does not tell how much of it was.
    pub fn is(&self, other: &Password) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        black_box(pairs.fold(0, |difference, (left, right)| black_box(difference | (left ^ right)))) == 0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("(secret)")
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}
