//! Who is subscribed to what: plain data, without clock, lock or socket.
//!
//! There are three kinds of names, each with a space of its own: channels, patterns of channels, and shard channels.
//! A subscriber is a client's number and a handle, by which whoever owns the registry reaches it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::glob::glob_match;

#[cfg(test)]
mod tests;

/// What a client subscribes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channel (SUBSCRIBE).
    Channel,
    /// All channels that match a pattern (PSUBSCRIBE).
    Pattern,
    /// A shard channel (SSUBSCRIBE).
    Shard,
}

/// How many names of each kind a client is subscribed to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Channels.
    pub channels: usize,
    /// Patterns.
    pub patterns: usize,
    /// Shard channels.
    pub shards: usize,
}

impl Counts {
    /// Whether there is none at all.
    pub fn is_empty(self) -> bool {
        self.total() == 0
    }

    /// All together.
    pub fn total(self) -> usize {
        self.channels + self.patterns + self.shards
    }

    /// What confirmations of a kind count: shard channels by themselves, channels and patterns together.
    pub fn confirmed(self, kind: Kind) -> usize {
        match kind {
            Kind::Shard => self.shards,
            Kind::Channel | Kind::Pattern => self.channels + self.patterns,
        }
    }
}

type Table<H> = HashMap<Box<[u8]>, BTreeMap<u64, H>, ahash::RandomState>;

/// See the module's documentation.
#[derive(Debug)]
pub struct Registry<H> {
    /// By kind.
    tables: [Table<H>; 3],
    /// What each client is subscribed to, by kind, in the order of bytes.
    clients: HashMap<u64, [BTreeSet<Box<[u8]>>; 3], ahash::RandomState>,
}

impl<H> Default for Registry<H> {
    fn default() -> Registry<H> {
        Registry { tables: Default::default(), clients: HashMap::default() }
    }
}

impl<H> Registry<H> {
    /// Subscribes a client. Returns whether it was not subscribed to the name yet.
    pub fn subscribe(&mut self, kind: Kind, client: u64, name: &[u8], handle: H) -> bool {
        let own = self.clients.entry(client).or_default();
        if !own[kind as usize].insert(name.into()) {
            return false;
        }
        self.tables[kind as usize].entry(name.into()).or_default().insert(client, handle);
        true
    }

    /// Ends a subscription. Returns whether there was one.
    pub fn unsubscribe(&mut self, kind: Kind, client: u64, name: &[u8]) -> bool {
        let Some(own) = self.clients.get_mut(&client) else { return false };
        if !own[kind as usize].remove(name) {
            return false;
        }
        if own.iter().all(BTreeSet::is_empty) {
            self.clients.remove(&client);
        }
        self.leave(kind, client, name);
        true
    }

    fn leave(&mut self, kind: Kind, client: u64, name: &[u8]) {
        let table = &mut self.tables[kind as usize];
        if let Some(subscribers) = table.get_mut(name) {
            subscribers.remove(&client);
            if subscribers.is_empty() {
                table.remove(name);
            }
        }
    }

    /// Ends all subscriptions of a client.
    pub fn remove(&mut self, client: u64) {
        let Some(own) = self.clients.remove(&client) else { return };
        for (kind, names) in [Kind::Channel, Kind::Pattern, Kind::Shard].into_iter().zip(own) {
            names.iter().for_each(|name| self.leave(kind, client, name));
        }
    }

    /// How many subscriptions a client has.
    pub fn counts(&self, client: u64) -> Counts {
        let Some([channels, patterns, shards]) = self.clients.get(&client) else { return Counts::default() };
        Counts { channels: channels.len(), patterns: patterns.len(), shards: shards.len() }
    }

    /// What a client is subscribed to, in the order of bytes.
    pub fn names_of(&self, kind: Kind, client: u64) -> Vec<Vec<u8>> {
        let own = self.clients.get(&client).map(|own| &own[kind as usize]);
        own.into_iter().flatten().map(|name| name.to_vec()).collect()
    }

    /// Who is subscribed to exactly this name, the one that came first to the server first.
    pub fn subscribers(&self, kind: Kind, name: &[u8]) -> impl ExactSizeIterator<Item = &H> {
        self.tables[kind as usize].get(name).map_or_else(Default::default, BTreeMap::values)
    }

    /// The patterns that match a channel, and who is subscribed to them.
    pub fn matching<'r>(
        &'r self,
        channel: &'r [u8],
    ) -> impl Iterator<Item = (&'r [u8], impl ExactSizeIterator<Item = &'r H>)> {
        let patterns = self.tables[Kind::Pattern as usize].iter();
        patterns
            .filter(|(pattern, _)| glob_match(pattern, channel, false))
            .map(|(pattern, subscribers)| (&**pattern, subscribers.values()))
    }

    /// The names that have subscribers, or those of them that match a pattern, in the order of bytes.
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Vec<u8>> {
        let names = self.tables[kind as usize].keys();
        let mut found: Vec<Vec<u8>> = names
            .filter(|name| pattern.is_none_or(|pattern| glob_match(pattern, name, false)))
            .map(|name| name.to_vec())
            .collect();
        found.sort_unstable();
        found
    }

    /// How many names have subscribers.
    pub fn len(&self, kind: Kind) -> usize {
        self.tables[kind as usize].len()
    }

    /// How many clients are subscribed to anything.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }
}
