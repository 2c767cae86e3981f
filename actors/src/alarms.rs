//! Commands that wait for keys of several partitions: a change in any of these has to reach the partition that keeps
//! the command.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use pika_core::encoding::key::KeyBuf;

use crate::state::lock;

/// The partition that keeps a command, and the command's number there.
pub type Waiter = (usize, u64);

/// See the module's documentation. Keys are Meta keys.
#[derive(Debug, Default)]
pub struct Alarms {
    by_key: Mutex<HashMap<KeyBuf, Vec<Waiter>>>,
    count: AtomicUsize,
    next_ticket: AtomicU64,
}

impl Alarms {
    /// A number that no command that waits, here or in a partition, has had.
    pub fn new_ticket(&self) -> u64 {
        self.next_ticket.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds a command. Its place is that of its number.
    pub fn add(&self, keys: &[KeyBuf], waiter: Waiter) {
        let mut by_key = lock(&self.by_key);
        for key in keys {
            let waiters = by_key.entry(key.clone()).or_default();
            // One that was run again in vain comes back to its place.
            let place = waiters.partition_point(|(_, ticket)| *ticket < waiter.1);
            waiters.insert(place, waiter);
        }
        self.count.store(by_key.len(), Ordering::Release);
    }

    /// Forgets a command.
    pub fn remove(&self, keys: &[KeyBuf], waiter: Waiter) {
        let mut by_key = lock(&self.by_key);
        for key in keys {
            if let Some(waiters) = by_key.get_mut(key) {
                waiters.retain(|other| *other != waiter);
                if waiters.is_empty() {
                    by_key.remove(key);
                }
            }
        }
        self.count.store(by_key.len(), Ordering::Release);
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Who waits for a key, in the order in which they came.
    pub fn of(&self, key: &[u8]) -> Vec<Waiter> {
        lock(&self.by_key).get(key).cloned().unwrap_or_default()
    }
}
