//! What a load brought, for the operator.

use crate::encoding::meta::Type;

/// Numbers of keys and elements by type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Keys and elements, by type, in the order of [`Tally::TYPES`].
    by_type: [(u64, u64); Tally::TYPES.len()],
    /// Of these keys, how many expire.
    pub expiring: u64,
    /// Keys that were left out since their time had come.
    pub expired: u64,
    /// Keys that were left out since they hold collections without elements.
    pub empty: u64,
    /// Libraries of functions.
    pub functions: u64,
    /// Commands that were run, of an AOF.
    pub commands: u64,
}

impl Tally {
    /// The types, with the names that TYPE has for them.
    pub const TYPES: [(Type, &'static str); 6] = [
        (Type::String, "string"),
        (Type::List, "list"),
        (Type::Set, "set"),
        (Type::SortedSet, "zset"),
        (Type::Hash, "hash"),
        (Type::Stream, "stream"),
    ];

    /// Counts a key.
    pub fn add(&mut self, kind: Type, elements: usize, expires: bool) {
        if let Some(place) = Tally::TYPES.iter().position(|(other, _)| *other == kind) {
            self.by_type[place].0 += 1;
            self.by_type[place].1 += elements as u64;
        }
        self.expiring += u64::from(expires);
    }

    /// All keys that were loaded from an RDB file.
    pub fn keys(&self) -> u64 {
        self.by_type.iter().map(|(keys, _)| keys).sum()
    }

    /// Name, keys and elements of each type that occurred.
    pub fn types(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let all = Tally::TYPES.iter().zip(self.by_type);
        all.filter(|(_, (keys, _))| *keys > 0).map(|((_, name), (keys, elements))| (*name, keys, elements))
    }
}

impl std::fmt::Display for Tally {
    /// One line: `3 keys (2 string, 1 hash), 1 that expires, 1 left out since it had expired`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.keys())?;
        for (index, (name, keys, _)) in self.types().enumerate() {
            write!(f, "{}{keys} {name}", if index == 0 { " (" } else { ", " })?;
        }
        if self.keys() > 0 {
            f.write_str(")")?;
        }
        for (count, what) in [
            (self.commands, "commands run"),
            (self.expiring, "with an expiry"),
            (self.expired, "left out: expired"),
            (self.empty, "left out: empty collections"),
            (self.functions, "libraries of functions"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}
