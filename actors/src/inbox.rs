//! What waits for a connection to send it: messages of channels, invalidations, MONITOR's lines.
//!
//! Whoever has something for a client puts it here, and wakes the client's actor if nothing was there before. So many
//! messages cost one wake-up; and a client that is unsubscribed finds all that was sent before, and nothing after.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pika_core::push::Push;

use crate::state::lock;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    /// There is something to take.
    some: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    pushes: Vec<Arc<Push>>,
    bytes: usize,
    /// There was more than may wait: the client is to be closed.
    overflowed: bool,
    /// The client is gone.
    closed: bool,
}

/// What was taken out of an inbox.
#[derive(Debug)]
pub struct Taken {
    /// In the order in which it came.
    pub pushes: Vec<Arc<Push>>,
    /// There was more than may wait.
    pub overflowed: bool,
}

impl Inbox {
    /// Adds a push, if no more than `limit` bytes wait then (0: no limit). Returns whether the connection has to be
    /// woken.
    pub fn put(&self, push: &Arc<Push>, limit: u64) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.closed || waiting.overflowed {
            return false;
        }
        let first = waiting.pushes.is_empty();
        waiting.bytes += push.size();
        if limit > 0 && waiting.bytes as u64 > limit {
            // Its thread is busy for too long: what it would not get whole is of no use.
            waiting.overflowed = true;
            waiting.pushes = Vec::new();
        } else {
            waiting.pushes.push(push.clone());
        }
        self.some.store(true, Ordering::Release);
        first
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        !self.some.load(Ordering::Acquire)
    }

    /// Takes everything out.
    pub fn take(&self) -> Taken {
        let mut waiting = lock(&self.waiting);
        self.some.store(false, Ordering::Release);
        waiting.bytes = 0;
        Taken { pushes: std::mem::take(&mut waiting.pushes), overflowed: waiting.overflowed }
    }

    /// The client is gone: nothing is kept any more.
    pub fn close(&self) {
        let mut waiting = lock(&self.waiting);
        *waiting = Waiting { closed: true, ..Waiting::default() };
        self.some.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(text: &'static str) -> Arc<Push> {
        Arc::new(Push::line(text))
    }

    #[test]
    fn only_the_first_push_wakes() {
        let inbox = Inbox::default();
        assert!(inbox.is_empty());
        assert_eq!((inbox.put(&push("a"), 0), inbox.put(&push("b"), 0)), (true, false));
        assert!(!inbox.is_empty());
        let taken = inbox.take();
        assert_eq!((taken.pushes.len(), taken.overflowed), (2, false));
        assert!(inbox.is_empty());
        assert!(inbox.put(&push("c"), 0));
    }

    #[test]
    fn past_the_limit_nothing_is_kept() {
        let inbox = Inbox::default();
        inbox.put(&push("12345"), 10);
        inbox.put(&push("67890"), 10);
        assert_eq!(inbox.take().pushes.len(), 2);
        assert!(inbox.put(&push("12345"), 10));
        inbox.put(&push("678901"), 10);
        assert!(!inbox.put(&push("x"), 10));
        let taken = inbox.take();
        assert_eq!((taken.pushes.len(), taken.overflowed), (0, true));
    }

    #[test]
    fn who_is_gone_gets_nothing() {
        let inbox = Inbox::default();
        inbox.put(&push("a"), 0);
        inbox.close();
        assert!(!inbox.put(&push("b"), 0));
        assert!(inbox.is_empty() && inbox.take().pushes.is_empty());
    }
}
