//! Client-side caching: which clients have to be told when a key changes. Plain data, without clock, lock or socket.
//!
//! A client that tracks keys is remembered with each key that it reads, until that key changes. In broadcasting mode
//! it is not: it is told of all changes of keys that begin with one of its prefixes. Keys go by their names: as in
//! Redis, the database does not matter.
//!
//! Numbers of clients are never used twice, so what is remembered of one that is gone, or that tracks no more, does
//! no harm, and goes when its key changes, for want of room, or with the last client that tracks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

#[cfg(test)]
mod tests;

/// What a client asked for with CLIENT TRACKING ON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The client that is told in its place.
    pub redirect: Option<u64>,
    /// Broadcasting mode.
    pub broadcast: bool,
    /// Keys are tracked only if CLIENT CACHING YES comes before the command.
    pub opt_in: bool,
    /// Keys are tracked unless CLIENT CACHING NO comes before the command.
    pub opt_out: bool,
    /// It is not told of what it changes itself.
    pub no_loop: bool,
    /// Broadcasting mode: what keys begin with; the empty one is all.
    pub prefixes: BTreeSet<Vec<u8>>,
}

/// What a client tracks, as it knows it itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracking {
    /// What it asked for.
    pub options: Options,
    /// CLIENT CACHING was just called: the next command is, or is not, the exception.
    pub caching: bool,
}

impl Tracking {
    /// Whether the keys of the next reading command are remembered.
    pub fn remembers(&self) -> bool {
        let Options { broadcast, opt_in, opt_out, .. } = self.options;
        let excluded = if self.caching { opt_out } else { opt_in };
        !broadcast && !excluded
    }
}

/// A client that is to be told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// The client that tracks.
    pub client: u64,
    /// Who is told in its place.
    pub redirect: Option<u64>,
}

/// Keys that changed, for clients of the broadcasting mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Who gets it.
    pub told: Vec<Told>,
    /// Their names.
    pub keys: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Client {
    options: Options,
    broken: bool,
}

/// Who read a key: mostly one, and few.
type Readers = Vec<u64>;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Table {
    clients: HashMap<u64, Client, ahash::RandomState>,
    /// The keys that were read, in no order, and where each stands: so that one at random can be taken out.
    keys: Vec<(Box<[u8]>, Readers)>,
    places: HashMap<Box<[u8]>, usize, ahash::RandomState>,
    /// Pairs of a key and a client.
    items: usize,
    prefixes: BTreeMap<Vec<u8>, BTreeSet<u64>>,
}

impl Table {
    /// A client tracks from now on, or does so in another way. Prefixes are added to those that it has.
    pub fn enable(&mut self, id: u64, options: &Options) {
        for prefix in &options.prefixes {
            self.prefixes.entry(prefix.clone()).or_default().insert(id);
        }
        self.clients.insert(id, Client { options: options.clone(), broken: false });
    }

    /// A client tracks no more.
    pub fn disable(&mut self, id: u64) {
        let Some(client) = self.clients.remove(&id) else { return };
        for prefix in client.options.prefixes {
            if let Some(clients) = self.prefixes.get_mut(&prefix) {
                clients.remove(&id);
                if clients.is_empty() {
                    self.prefixes.remove(&prefix);
                }
            }
        }
        if self.clients.is_empty() {
            self.forget_keys();
        }
    }

    fn forget_keys(&mut self) {
        self.keys = Vec::new();
        self.places = HashMap::default();
        self.items = 0;
    }

    /// Remembers that a client reads keys. It has to be told of their changes from now on: call it before they are
    /// read.
    pub fn remember<'k>(&mut self, id: u64, keys: impl Iterator<Item = &'k [u8]>) {
        for key in keys {
            match self.places.get(key) {
                Some(&place) => {
                    let readers = &mut self.keys[place].1;
                    if readers.contains(&id) {
                        continue;
                    }
                    readers.push(id);
                }
                None => {
                    self.places.insert(key.into(), self.keys.len());
                    self.keys.push((key.into(), vec![id]));
                }
            }
            self.items += 1;
        }
    }

    /// A key changed: it is forgotten. Who has to be told, but for a client that changed it itself (`cause`; 0 if
    /// nobody did) and does not want to hear of that.
    pub fn changed(&mut self, key: &[u8], cause: u64) -> Vec<Told> {
        let Some(&place) = self.places.get(key) else { return Vec::new() };
        let (_, readers) = self.take(place);
        let told = readers.iter().filter_map(|id| self.told(*id));
        told.filter(|told| !(told.client == cause && self.clients[&cause].options.no_loop)).collect()
    }

    /// A client that tracks what it reads.
    fn told(&self, id: u64) -> Option<Told> {
        let client = self.clients.get(&id).filter(|client| !client.options.broadcast)?;
        Some(Told { client: id, redirect: client.options.redirect })
    }

    fn take(&mut self, place: usize) -> (Box<[u8]>, Readers) {
        let (key, readers) = self.keys.swap_remove(place);
        self.places.remove(&key);
        if let Some((moved, _)) = self.keys.get(place)
            && let Some(moved) = self.places.get_mut(moved)
        {
            *moved = place;
        }
        self.items -= readers.len();
        (key, readers)
    }

    /// Keys changed, each by a client (0: by nobody): what clients of the broadcasting mode are told, prefix by prefix.
    pub fn broadcast(&self, changed: &[(&[u8], u64)]) -> Vec<News> {
        let mut news = Vec::new();
        for (prefix, clients) in &self.prefixes {
            let mut found: Vec<(&[u8], u64)> =
                changed.iter().copied().filter(|(key, _)| key.starts_with(prefix)).collect();
            // Of several changes of a key the last one counts.
            found.reverse();
            let mut seen = BTreeSet::new();
            found.retain(|(key, _)| seen.insert(*key));
            found.sort_unstable();
            let names = |keep: &dyn Fn(u64) -> bool| -> Vec<Vec<u8>> {
                found.iter().filter(|(_, cause)| keep(*cause)).map(|(key, _)| key.to_vec()).collect()
            };
            let told = |id: &u64| {
                let options = &self.clients.get(id)?.options;
                Some((Told { client: *id, redirect: options.redirect }, options.no_loop))
            };
            let mut all = Vec::new();
            for (told, no_loop) in clients.iter().filter_map(told) {
                if no_loop && found.iter().any(|(_, cause)| *cause == told.client) {
                    news.push(News { told: vec![told], keys: names(&|cause| cause != told.client) });
                } else {
                    all.push(told);
                }
            }
            news.push(News { told: all, keys: names(&|_| true) });
        }
        news.retain(|news| !news.keys.is_empty() && !news.told.is_empty());
        news
    }

    /// Databases were emptied: all that was read is forgotten. Who has to be told that nothing is valid any more.
    pub fn flushed(&mut self) -> Vec<Told> {
        self.forget_keys();
        let mut told: Vec<Told> = self
            .clients
            .iter()
            .map(|(&client, state)| Told { client, redirect: state.options.redirect })
            .collect();
        told.sort_unstable();
        told
    }

    /// Forgets keys at random until at most `limit` are left (0: no limit). These, and who has to be told.
    pub fn shrink(&mut self, limit: u64, random: &mut fastrand::Rng) -> Vec<(Box<[u8]>, Vec<Told>)> {
        let mut forgotten = Vec::new();
        while limit > 0 && self.keys.len() as u64 > limit {
            let (key, readers) = self.take(random.usize(..self.keys.len()));
            let told = readers.iter().filter_map(|id| self.told(*id)).collect();
            forgotten.push((key, told));
        }
        forgotten
    }

    /// The client that gets the messages of `id` is gone.
    pub fn set_broken(&mut self, id: u64) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.broken = true;
        }
    }

    /// Whether messages of this client go to one that is gone.
    pub fn is_broken(&self, id: u64) -> bool {
        self.clients.get(&id).is_some_and(|client| client.broken)
    }

    /// Number of clients that track.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Number of keys that are remembered.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Number of pairs of a key and a client that read it.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Number of prefixes.
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }
}
