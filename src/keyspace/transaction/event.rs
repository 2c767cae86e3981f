//! Events of keys.

use super::{Entry, Transaction};
use crate::config::Events;

/// Something that happened to a key; see `notify-keyspace-events`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its class: one of the letters.
    pub class: Events,
    /// Its name: mostly the command's.
    pub name: &'static str,
    /// The database.
    pub database: usize,
    /// The key.
    pub key: Vec<u8>,
}

impl Transaction<'_> {
    /// Says which events (`notify-keyspace-events`) somebody wants; at first, none.
    pub fn want_events(&mut self, wanted: Events) {
        self.wanted_events = wanted;
    }

    /// Tells of an event at a key, if somebody wants its class; it is published when the command commits.
    pub fn notify(&mut self, class: Events, name: &'static str, entry: &Entry) {
        if !self.wanted_events.contains(class) {
            return;
        }
        let database = if entry.namespace == self.namespace {
            self.database
        } else {
            (0..self.databases()).find(|&other| self.namespace_of(other) == entry.namespace).unwrap_or(0)
        };
        self.events.push(Event { class, name, database, key: entry.key().to_vec() });
    }
}
