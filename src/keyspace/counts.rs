//! Exact numbers about each namespace: keys, keys by type, keys with an expiry, hash fields with one.

use std::collections::BTreeMap;

use crate::encoding::key::Namespace;
use crate::encoding::meta::{Meta, Type};
use crate::encoding::varint;

/// Numbers about one namespace, or a change of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Keys of each [`Type`], by its number.
    pub by_type: [i64; Type::COUNT],
    /// Keys that have an expiry.
    pub with_expiry: i64,
}

impl Counts {
    /// All keys.
    pub fn keys(&self) -> i64 {
        self.by_type.iter().sum()
    }

    /// Counts one key in (`sign` 1) or out (-1).
    pub fn add_key(&mut self, meta: &Meta<'_>, sign: i64) {
        self.by_type[meta.kind as usize] += sign;
        if meta.expire_ms.is_some() {
            self.with_expiry += sign;
        }
    }

    /// Adds another's numbers.
    pub fn add(&mut self, other: &Counts) {
        for (mine, others) in self.by_type.iter_mut().zip(other.by_type) {
            *mine += others;
        }
        self.with_expiry += other.with_expiry;
    }
}

/// Numbers about all namespaces of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllCounts(BTreeMap<Namespace, Counts>);

impl AllCounts {
    /// The numbers of a namespace.
    pub fn of(&self, namespace: Namespace) -> Counts {
        self.0.get(&namespace).copied().unwrap_or_default()
    }

    /// The numbers of a namespace, to change.
    pub fn of_mut(&mut self, namespace: Namespace) -> &mut Counts {
        self.0.entry(namespace).or_default()
    }

    /// Adds another's numbers.
    pub fn add(&mut self, other: &AllCounts) {
        other.0.iter().for_each(|(&namespace, counts)| self.of_mut(namespace).add(counts));
    }

    /// Forgets a namespace that died.
    pub fn forget(&mut self, namespace: Namespace) {
        self.0.remove(&namespace);
    }

    /// As kept in the System family: for each namespace its number, its keys by type, its keys with expiry; all
    /// varints, the counts zigzag-coded (a partition's own share may be negative, their sum is not).
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (&namespace, counts) in &self.0 {
            varint::write(&mut out, u64::from(namespace));
            for &count in counts.by_type.iter().chain([&counts.with_expiry]) {
                varint::write(&mut out, ((count << 1) ^ (count >> 63)) as u64);
            }
        }
        out
    }

    /// Reads what [`AllCounts::encode`] wrote.
    pub fn parse(mut bytes: &[u8]) -> Option<AllCounts> {
        let mut all = AllCounts::default();
        while !bytes.is_empty() {
            let namespace = Namespace::try_from(varint::read(&mut bytes)?).ok()?;
            let mut numbers = [0i64; Type::COUNT + 1];
            for number in &mut numbers {
                let coded = varint::read(&mut bytes)?;
                *number = (coded >> 1) as i64 ^ -((coded & 1) as i64);
            }
            let mut by_type = [0; Type::COUNT];
            by_type.copy_from_slice(&numbers[..Type::COUNT]);
            all.0.insert(namespace, Counts { by_type, with_expiry: numbers[Type::COUNT] });
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_shares_read_back() {
        let mut all = AllCounts::default();
        all.of_mut(3).add_key(&Meta::string(b"", Some(1)), -1);
        all.of_mut(1 << 20).add_key(&Meta::string(b"", None), 1);
        assert_eq!(AllCounts::parse(&all.encode()), Some(all.clone()));
        assert_eq!((all.of(3).keys(), all.of(3).with_expiry), (-1, -1));
    }
}
