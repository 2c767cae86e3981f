//! Pub/sub, MONITOR and the tracking of keys: tables that all threads share, and the way to the clients.
//!
//! Each table has a lock of its own, held for as long as it takes to put a push into the inboxes of those who get it:
//! so all subscribers of a channel get its messages in the same order. See `docs/decisions/0009-shared-channels.md`.
//!
//! Locks are taken in this order: a table, then the clients, then an inbox.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pika_core::config::{Config, Events, options};
use pika_core::encoding::key::META_PREFIX;
use pika_core::keyspace::partition::Partition;
use pika_core::keyspace::transaction::Event;
use pika_core::keyspace::watch::Change;
use pika_core::pubsub::{Counts, Kind, Registry};
use pika_core::push::Push;
use pika_core::server::Messages;
use pika_core::tracking::{Options, Table, Told};

use crate::message::Deliver;
use crate::service::Service;
use crate::state::{ClientHandle, State, lock};

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Messaging {
    registry: Mutex<Registry<Arc<ClientHandle>>>,
    monitors: Mutex<Vec<(u64, Arc<ClientHandle>)>>,
    monitor_count: AtomicUsize,
    tracking: Mutex<Table>,
    tracking_count: AtomicUsize,
    /// Bytes that may wait in an inbox; 0: no limit.
    inbox_limit: AtomicU64,
    /// Keys that may be tracked; 0: no limit.
    key_limit: AtomicU64,
}

/// Numbers for INFO.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Clients that are subscribed to anything.
    pub subscribers: usize,
    /// Channels, patterns, shard channels that have subscribers.
    pub names: [usize; 3],
    /// Clients that track keys, keys, pairs of both, prefixes.
    pub tracking: [usize; 4],
}

/// Clients whose inbox got something and was empty: they are woken when no lock is held any more.
#[derive(Default)]
struct ToWake(Vec<Arc<ClientHandle>>);

impl ToWake {
    fn put(&mut self, client: &Arc<ClientHandle>, push: &Arc<Push>, limit: u64) {
        if client.inbox.put(push, limit) {
            self.0.push(client.clone());
        }
    }

    fn wake(self) {
        for client in self.0 {
            if let Some(address) = client.address.get() {
                address.do_send(Deliver);
            }
        }
    }
}

impl Messaging {
    /// Takes over options.
    pub fn configure(&self, config: &Config) {
        let limit = config.get(options::CLIENT_OUTPUT_BUFFER_LIMIT).pubsub.hard_bytes;
        self.inbox_limit.store(limit, Ordering::Relaxed);
        self.key_limit.store(config.get(options::TRACKING_TABLE_MAX_KEYS), Ordering::Relaxed);
    }

    fn limit(&self) -> u64 {
        self.inbox_limit.load(Ordering::Relaxed)
    }

    /// Numbers for INFO.
    pub fn facts(&self) -> Facts {
        let registry = lock(&self.registry);
        let table = lock(&self.tracking);
        Facts {
            subscribers: registry.clients(),
            names: [Kind::Channel, Kind::Pattern, Kind::Shard].map(|kind| registry.len(kind)),
            tracking: [table.clients(), table.keys(), table.items(), table.prefixes()],
        }
    }

    /// Which of these clients have their invalidations sent to a client that is gone.
    pub fn broken(&self, clients: impl Iterator<Item = u64>) -> Vec<bool> {
        let table = lock(&self.tracking);
        clients.map(|client| table.is_broken(client)).collect()
    }

    /// Sends a message to who is subscribed. How many messages that were.
    pub fn publish(&self, kind: Kind, name: &[u8], message: &[u8], cause: u64) -> u64 {
        let (limit, mut to_wake, mut sent) = (self.limit(), ToWake::default(), 0);
        let registry = lock(&self.registry);
        {
            let direct = registry.subscribers(kind, name);
            sent += direct.len() as u64;
            if direct.len() > 0 {
                let word = if kind == Kind::Shard { "smessage" } else { "message" };
                let push = Arc::new(Push::message(word, name, message, cause));
                direct.for_each(|client| to_wake.put(client, &push, limit));
            }
        }
        if kind == Kind::Channel && registry.len(Kind::Pattern) > 0 {
            for (pattern, clients) in registry.matching(name) {
                sent += clients.len() as u64;
                let push = Arc::new(Push::pattern_message(pattern, name, message, cause));
                clients.for_each(|client| to_wake.put(client, &push, limit));
            }
        }
        drop(registry);
        to_wake.wake();
        sent
    }

    /// Publishes events of keys, on the channels that `wanted` says.
    pub fn publish_events(&self, events: Vec<Event>, wanted: Events) {
        for Event { name, database, key, .. } in events {
            if wanted.contains(Events::KEYSPACE) {
                let mut channel = format!("__keyspace@{database}__:").into_bytes();
                channel.extend_from_slice(&key);
                self.publish(Kind::Channel, &channel, name.as_bytes(), 0);
            }
            if wanted.contains(Events::KEYEVENT) {
                let channel = format!("__keyevent@{database}__:{name}");
                self.publish(Kind::Channel, channel.as_bytes(), &key, 0);
            }
        }
    }

    /// Whether any client asked for MONITOR.
    pub fn is_monitored(&self) -> bool {
        self.monitor_count.load(Ordering::Relaxed) > 0
    }

    /// Shows a command to those who asked for all.
    pub fn show(&self, line: Vec<u8>) {
        let (limit, mut to_wake) = (self.limit(), ToWake::default());
        let push = Arc::new(Push::line(line));
        lock(&self.monitors).iter().for_each(|(_, client)| to_wake.put(client, &push, limit));
        to_wake.wake();
    }

    /// Whether any client tracks keys.
    pub fn is_tracking(&self) -> bool {
        self.tracking_count.load(Ordering::Acquire) > 0
    }

    /// A client is gone.
    pub fn forget(&self, client: u64) {
        lock(&self.registry).remove(client);
        if self.is_monitored() {
            let mut monitors = lock(&self.monitors);
            monitors.retain(|(id, _)| *id != client);
            self.monitor_count.store(monitors.len(), Ordering::Relaxed);
        }
        if self.is_tracking() {
            self.track(client, None);
        }
    }

    fn track(&self, client: u64, options: Option<&Options>) {
        let mut table = lock(&self.tracking);
        match options {
            Some(options) => table.enable(client, options),
            None => table.disable(client),
        }
        self.tracking_count.store(table.clients(), Ordering::Release);
    }
}

/// A client is gone.
pub fn forget(state: &State, client: u64) {
    state.messaging.forget(client);
}

/// Remembers that a client reads keys; call it before they are read.
pub fn remember<'k>(state: &State, client: u64, keys: impl Iterator<Item = &'k [u8]>) {
    let mut table = lock(&state.messaging.tracking);
    table.remember(client, keys);
    let over = table.keys() as u64 > state.messaging.key_limit.load(Ordering::Relaxed);
    drop(table);
    if over {
        shrink(state);
    }
}

/// Forgets keys, if more are tracked than may be.
pub fn shrink(state: &State) {
    let limit = state.messaging.key_limit.load(Ordering::Relaxed);
    let forgotten = lock(&state.messaging.tracking).shrink(limit, &mut fastrand::Rng::new());
    for (key, told) in forgotten {
        told.into_iter().for_each(|told| tell(state, told, Some(&[&key]), 0));
    }
}

/// Tells clients of the keys that commits of client `cause` (0: of none) changed since the last time.
pub fn tell_changes(state: &State, partition: &mut Partition, cause: u64) {
    let touched = &partition.touched[partition.told..];
    if touched.is_empty() {
        return;
    }
    if state.messaging.is_tracking() {
        let changed: Vec<(&[u8], u64)> = touched
            .iter()
            .filter(|(_, by)| *by != Change::Aside)
            .map(|(key, by)| (&key[META_PREFIX..], if *by == Change::Time { 0 } else { cause }))
            .collect();
        let mut table = lock(&state.messaging.tracking);
        let news = table.broadcast(&changed);
        let single: Vec<_> = changed.iter().map(|(key, by)| (*key, table.changed(key, *by))).collect();
        drop(table);
        for (key, told) in single {
            told.into_iter().for_each(|told| tell(state, told, Some(&[key]), cause));
        }
        for news in news {
            let keys: Vec<&[u8]> = news.keys.iter().map(Vec::as_slice).collect();
            news.told.iter().for_each(|told| tell(state, *told, Some(&keys), cause));
        }
    }
    partition.told = partition.touched.len();
}

/// Tells clients that nothing that they know is valid any more.
pub fn tell_flush(state: &State, cause: u64) {
    if !state.messaging.is_tracking() {
        return;
    }
    let told = lock(&state.messaging.tracking).flushed();
    told.into_iter().for_each(|told| tell(state, told, None, cause));
}

fn tell(state: &State, told: Told, keys: Option<&[&[u8]]>, cause: u64) {
    let receiver = told.redirect.unwrap_or(told.client);
    let mut found = lock(&state.clients).get(&receiver).cloned();
    let mut push = Push::invalidation(keys, told.redirect.is_some(), cause);
    if found.is_none() && told.redirect.is_some() {
        lock(&state.messaging.tracking).set_broken(told.client);
        found = lock(&state.clients).get(&told.client).cloned();
        push = Push::broken_redirection(receiver);
    }
    let mut to_wake = ToWake::default();
    if let Some(client) = found {
        to_wake.put(&client, &Arc::new(push), state.messaging.limit());
    }
    to_wake.wake();
}

impl Service {
    fn client(&self, id: u64) -> Option<Arc<ClientHandle>> {
        lock(&self.state.clients).get(&id).cloned()
    }
}

impl Messages for Service {
    fn subscribe(&self, client: u64, kind: Kind, name: &[u8]) -> Counts {
        let handle = self.client(client);
        let mut registry = lock(&self.state.messaging.registry);
        if let Some(handle) = handle {
            registry.subscribe(kind, client, name, handle);
        }
        registry.counts(client)
    }

    fn unsubscribe(&self, client: u64, kind: Kind, name: &[u8]) -> Counts {
        let mut registry = lock(&self.state.messaging.registry);
        registry.unsubscribe(kind, client, name);
        registry.counts(client)
    }

    fn subscriptions(&self, client: u64, kind: Kind) -> Vec<Vec<u8>> {
        lock(&self.state.messaging.registry).names_of(kind, client)
    }

    fn publish(&self, kind: Kind, name: &[u8], message: &[u8], cause: u64) -> u64 {
        self.state.messaging.publish(kind, name, message, cause)
    }

    fn receivers(&self, kind: Kind, name: &[u8]) -> u64 {
        let registry = lock(&self.state.messaging.registry);
        let direct = registry.subscribers(kind, name).len() as u64;
        if kind != Kind::Channel || registry.len(Kind::Pattern) == 0 {
            return direct;
        }
        direct + registry.matching(name).map(|(_, clients)| clients.len() as u64).sum::<u64>()
    }

    fn channels(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Vec<u8>> {
        lock(&self.state.messaging.registry).names(kind, pattern)
    }

    fn subscribers(&self, kind: Kind, name: &[u8]) -> u64 {
        lock(&self.state.messaging.registry).subscribers(kind, name).len() as u64
    }

    fn patterns(&self) -> u64 {
        lock(&self.state.messaging.registry).len(Kind::Pattern) as u64
    }

    fn monitor(&self, client: u64) {
        let Some(handle) = self.client(client) else { return };
        let mut monitors = lock(&self.state.messaging.monitors);
        monitors.push((client, handle));
        self.state.messaging.monitor_count.store(monitors.len(), Ordering::Relaxed);
    }

    fn track(&self, client: u64, options: Option<&Options>) {
        self.state.messaging.track(client, options);
    }

    fn is_redirection_broken(&self, client: u64) -> bool {
        lock(&self.state.messaging.tracking).is_broken(client)
    }

    fn forget(&self, client: u64) {
        self.state.messaging.forget(client);
    }
}
