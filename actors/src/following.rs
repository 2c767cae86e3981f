//! Whether this server is a slave, and what all know of the link to its master.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock};

use pika_core::keyspace::partition::Shared;
use pika_core::replication::MasterLink;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::state::lock;

/// What the link's task is asked to do.
#[derive(Debug)]
pub enum Order {
    /// Make this server a slave of that one, or with `None` a master; then answer whether it was not before.
    Follow(Option<(String, u16)>, Sender<Result<bool, String>>),
    /// As [`Order::Follow`], from who must not wait for it: a slave of this server that takes its role over if the log
    /// still ends at this offset (`None`: wherever it ends). Whether it does is told to the replicator.
    HandOver(String, u16, Option<u64>),
    /// The master asks this slave to take its role over; answered when it has.
    TakeOver(tokio::sync::oneshot::Sender<Result<(), String>>),
    /// The server stops: make no new groups.
    Stop(Sender<()>),
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Following {
    slave: AtomicBool,
    up: AtomicBool,
    link: Mutex<Option<MasterLink>>,
    /// Held while a piece of the master's stream is logged and run: who holds it sees all partitions at one offset, that
    /// of the log's end. It has the database that the stream has selected there.
    pub steps: tokio::sync::Mutex<u16>,
    /// Where the stream stands still until this is taken away: an offset at which a moment is kept (`crate::verify`).
    pub halt: watch::Sender<Option<u64>>,
    /// Where the log's end is told to the partitions.
    pub shared: OnceLock<Arc<Shared>>,
    /// Where orders go.
    pub orders: OnceLock<UnboundedSender<Order>>,
}

impl Following {
    /// Whether this server is a slave.
    pub fn is_slave(&self) -> bool {
        self.slave.load(Ordering::Acquire)
    }

    /// Whether it is one, and follows its master's stream.
    pub fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// The link as it is now; `None`: this server is a master.
    pub fn link(&self) -> Option<MasterLink> {
        lock(&self.link).clone()
    }

    /// Replaces what is known.
    pub fn set(&self, link: Option<MasterLink>) {
        self.slave.store(link.is_some(), Ordering::Release);
        self.up.store(link.as_ref().is_some_and(MasterLink::is_up), Ordering::Relaxed);
        *lock(&self.link) = link;
    }

    /// The partitions have run the stream, and the log ends, at this offset.
    pub fn set_log_end(&self, offset: u64) {
        if let Some(shared) = self.shared.get() {
            shared.set_next_offset(offset);
        }
    }

    /// Changes what is known of the link, if there is one.
    pub fn change(&self, change: impl FnOnce(&mut MasterLink)) {
        if let Some(link) = lock(&self.link).as_mut() {
            change(link);
            self.up.store(link.is_up(), Ordering::Relaxed);
        }
    }
}
