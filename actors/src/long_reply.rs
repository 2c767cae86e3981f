//! A long reply on its way: pieces go from the thread that makes them to the connection that sends them, as fast as
//! the client takes them.
//!
//! The thread waits while `AHEAD` bytes wait for the connection. What the client does not take is thus never made, and
//! a reply of any length costs a bounded amount of memory. In return its moment is kept until its end: a client
//! that takes less than `SHARE` bytes in the time that `long-reply-timeout` grants is cut off.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::Addr;
use bytes::BytesMut;
use pika_core::config::options;
use pika_core::keyspace::table::Group;
use pika_core::resp::Pieces;

use crate::connection::Connection;
use crate::message::{Begin, Deliver, Kill};
use crate::state::{State, lock};

/// What is final of a reply leaves in pieces of about so many bytes.
pub const PIECE: usize = 64 * 1024;
/// So many bytes wait for the connection, at most, beside one piece.
const AHEAD: usize = 2 * PIECE;
/// How much a client must take in the time of `long-reply-timeout`; bytes.
const SHARE: u64 = 1 << 20;
/// How often the waiting thread looks whether its time is over.
const GLANCE: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<BytesMut>,
    bytes: usize,
    /// The connection has found nothing, and is told of the next piece.
    told: Option<Addr<Connection>>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is room again, or nobody who makes any.
    room: Condvar,
    /// The client is gone: what is made is thrown away, and the view's reads end.
    given_up: Arc<AtomicBool>,
}

/// The connection's end. Dropping it gives the rest of the reply up.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

impl Receiver {
    /// The next piece, if there is one; else `connection` is told when there is.
    pub fn next(&self, connection: Option<&Addr<Connection>>) -> Option<BytesMut> {
        let mut queue = lock(&self.0.queue);
        let Some(piece) = queue.pieces.pop_front() else {
            queue.told = connection.cloned();
            return None;
        };
        queue.bytes -= piece.len();
        self.0.room.notify_one();
        Some(piece)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
        // Under the lock: the thread is either before its look at the flag, or asleep.
        let _queue = lock(&self.0.queue);
        self.0.room.notify_all();
    }
}

/// The making thread's end.
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
    state: Arc<State>,
    client: Addr<Connection>,
    /// To be handed to the connection with the first piece, when its partition's log has a group.
    first: Option<(Receiver, usize, Group)>,
    waited: Arc<Mutex<Duration>>,
    /// Bytes and waiting time of the share that is being taken.
    share: (u64, Duration),
}

impl Sender {
    /// For a client, whose replies wait until the log has group `hold` of partition `home`. Setting `given_up` ends the
    /// making. Also how long the sender has waited for its client.
    pub fn new(
        state: Arc<State>,
        client: Addr<Connection>,
        (home, hold): (usize, Group),
        given_up: Arc<AtomicBool>,
    ) -> (Sender, Arc<Mutex<Duration>>) {
        let shared = Arc::new(Shared { queue: Mutex::default(), room: Condvar::new(), given_up });
        let first = Some((Receiver(shared.clone()), home, hold));
        let waited = Arc::<Mutex<Duration>>::default();
        (Sender { shared, state, client, first, waited: waited.clone(), share: Default::default() }, waited)
    }

    /// Waits until there is room for another piece, or the client is given up.
    fn wait_for_room(&mut self) {
        if lock(&self.shared.queue).bytes < AHEAD {
            return;
        }
        let began = Instant::now();
        let state = self.state.clone();
        state.views.while_outside(|must_end| {
            let limit = Duration::from_secs(u64::from(self.state.config().get(options::LONG_REPLY_TIMEOUT)));
            let mut queue = lock(&self.shared.queue);
            while queue.bytes >= AHEAD && !self.shared.given_up.load(Ordering::Relaxed) {
                let late = !limit.is_zero() && self.share.1 + began.elapsed() > limit;
                if late || must_end() {
                    drop(queue);
                    return self.give_up();
                }
                queue =
                    self.shared.room.wait_timeout(queue, GLANCE).unwrap_or_else(PoisonError::into_inner).0;
            }
        });
        let took = began.elapsed();
        *lock(&self.waited) += took;
        self.share.1 += took;
    }

    fn give_up(&self) {
        slog::warn!(self.state.logger, "closing a client that does not take a long reply";
            "long-reply-timeout" => self.state.config().get(options::LONG_REPLY_TIMEOUT));
        self.state.counters.long_replies_given_up.fetch_add(1, Ordering::Relaxed);
        self.shared.given_up.store(true, Ordering::Relaxed);
        self.client.do_send(Kill);
    }
}

impl Pieces for Sender {
    fn take(&mut self, piece: BytesMut) {
        if let Some((receiver, home, hold)) = self.first.take() {
            let client = self.client.clone();
            self.state.partitions()[home].do_send(Begin { hold, receiver, client });
        }
        self.wait_for_room();
        if self.shared.given_up.load(Ordering::Relaxed) {
            return;
        }
        self.share.0 += piece.len() as u64;
        if self.share.0 >= SHARE {
            self.share = Default::default();
        }
        let mut queue = lock(&self.shared.queue);
        queue.bytes += piece.len();
        queue.pieces.push_back(piece);
        if let Some(connection) = queue.told.take() {
            connection.do_send(Deliver);
        }
    }
}

/// Takes the pieces of a reply that nobody wants (CLIENT REPLY OFF).
#[derive(Debug)]
pub struct Unwanted;

impl Pieces for Unwanted {
    fn take(&mut self, _: BytesMut) {}
}
