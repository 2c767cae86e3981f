//! Redis's digest of data: the same 20 bytes for the same data, whatever the order in which it came, its encodings, and
//! the server (DEBUG DIGEST, DEBUG DIGEST-VALUE). So two servers can be compared, a Redis with a Pika too.
//!
//! Two operations of SHA1 make it up. *Adding* bytes is the exclusive or with their SHA1: order does not matter.
//! *Mixing* bytes in is adding them, and then taking the SHA1 of the digest itself: order matters.
//!
//! | what | how |
//! |------|-----|
//! | data | databases that have keys, by number: its number (4 bytes, big-endian) is mixed in, then the digest of each key added |
//! | key | name mixed in, then as its value |
//! | value | number of its type (4 bytes, big-endian) mixed in, then its content, then `!!expire!!` added if it expires |
//! | string, list | text, or elements in their order, mixed in |
//! | set | members added |
//! | hash, sorted set | of each element the digest, into which field and value, or member and score (`%.17g`), are mixed; that of a field that expires has `!!hexpire!!` added. It is added |
//! | stream | id (`ms.seq`), fields and values of each entry, in order, mixed in |
//!
//! When something expires, consumer groups, and functions are not part of it, as in Redis.

use std::fmt;

use sha1::{Digest as _, Sha1};

use super::Value;

/// See the module's documentation. Of nothing it is zeros.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest([u8; 20]);

impl Digest {
    /// Adds bytes: whatever the order.
    pub fn add(&mut self, bytes: &[u8]) {
        for (own, other) in self.0.iter_mut().zip(Sha1::digest(bytes)) {
            *own ^= other;
        }
    }

    /// Mixes bytes in: another order, another digest.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds what was made of another part of the data.
    pub fn add_digest(&mut self, other: Digest) {
        self.add(&other.0);
    }

    /// Joins sums of [`Digest::add`]: those of parts make up that of the whole.
    pub fn join(&mut self, other: Digest) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own ^= other;
        }
    }

    /// Mixes a value in.
    pub fn mix_value(&mut self, value: &Value, expires: bool) {
        self.mix(&type_number(value).to_be_bytes());
        match value {
            Value::String(text) => self.mix(text),
            Value::List(elements) => elements.iter().for_each(|element| self.mix(element)),
            Value::Set(members) => members.iter().for_each(|member| self.add(member)),
            Value::SortedSet(members) => {
                for (member, score) in members {
                    let mut one = Digest::default();
                    one.mix(member);
                    one.mix(general(*score).as_bytes());
                    self.add_digest(one);
                }
            }
            Value::Hash(fields) => {
                for field in fields {
                    let mut one = Digest::default();
                    one.mix(&field.name);
                    one.mix(&field.value);
                    if field.expire_ms.is_some() {
                        one.add(b"!!hexpire!!");
                    }
                    self.add_digest(one);
                }
            }
            Value::Stream(stream) => {
                for entry in &stream.entries {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    for (field, value) in &entry.fields {
                        self.mix(field);
                        self.mix(value);
                    }
                }
            }
        }
        if expires {
            self.add(b"!!expire!!");
        }
    }

    /// That of a key with its value.
    pub fn of_key(key: &[u8], value: &Value, expires: bool) -> Digest {
        let mut digest = Digest::default();
        digest.mix(key);
        digest.mix_value(value, expires);
        digest
    }

    /// That of all data: for each database its keys' digests, each added.
    pub fn of_databases(keys: impl IntoIterator<Item = (u32, Digest)>) -> Digest {
        let mut all = Digest::default();
        for (database, digest) in keys {
            all.mix(&database.to_be_bytes());
            all.join(digest);
        }
        all
    }
}

/// 40 digits of `0-9a-f`.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Redis's number of a type, whatever its encoding.
fn type_number(value: &Value) -> u32 {
    match value {
        Value::String(_) => 0,
        Value::List(_) => 1,
        Value::Set(_) => 2,
        Value::SortedSet(_) => 3,
        Value::Hash(_) => 4,
        Value::Stream(_) => 6,
    }
}

/// A number as C's `%.17g` prints it: 17 digits, without zeros at the end.
fn general(number: f64) -> String {
    if !number.is_finite() {
        return if number > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let text = format!("{number:.16e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..17).contains(&exponent) {
        let places = usize::try_from(16 - exponent).unwrap_or(0);
        return without_zeros(&format!("{number:.places$}")).into();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs())
}

fn without_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_are_printed_as_c_does() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.10000000000000001"),
            (-0.1, "-0.10000000000000001"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (1e16, "10000000000000000"),
            (123456789012345680.0, "1.2345678901234568e+17"),
            (1e300, "1.0000000000000001e+300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (5e-324, "4.9406564584124654e-324"),
        ] {
            assert_eq!(general(number), text);
        }
    }
}
