//! Replies and messages on their way to the socket, and the bounds of what waits.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use pika_core::config::options;
use pika_core::keyspace::table::Group;

use super::{Core, Resume};
use crate::message::{Deliver, Finished, Kill};
use crate::state::{lock, now_ms};

impl Core {
    /// Adds replies that may leave when the log has `group`.
    pub(super) fn append(&mut self, bytes: BytesMut, group: Group) {
        if self.is_replica && self.replicates.is_none() {
            // Its socket is its link's.
            return;
        }
        let logged = if group == 0 { 0 } else { self.host.borrow().logged() };
        if self.held.is_empty() && group <= logged {
            if self.output.is_empty() {
                self.output = bytes;
            } else {
                self.output.unsplit(bytes);
            }
        } else if !bytes.is_empty() {
            self.held_bytes += bytes.len();
            self.held.push_back((group, bytes));
            if let Some(me) = self.me.clone() {
                // What waits behind others waits for them too.
                let group = self.held.iter().map(|(group, _)| *group).fold(group, Group::max);
                self.host.borrow_mut().hold_client(group, me);
            }
        }
        self.check_output_limit();
    }

    /// The log has everything up to this group.
    pub fn released(&mut self, logged: Group) {
        while self.held.front().is_some_and(|(group, _)| *group <= logged) {
            if let Some((_, bytes)) = self.held.pop_front() {
                self.held_bytes -= bytes.len();
                if self.output.is_empty() {
                    self.output = bytes;
                } else {
                    self.output.unsplit(bytes);
                }
            }
        }
        self.flush();
        if self.paused.is_some()
            && let Some(address) = &self.address
        {
            // Not from here: the partition that calls is needed for it.
            address.do_send(Resume);
        }
        if self.wants_input()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }

    /// Closes the client if more waits for it than its class may have. Of a client that is not subscribed, but gets
    /// messages (MONITOR, CLIENT TRACKING), only these count: its replies are bounded by reading no further.
    pub(super) fn check_output_limit(&mut self) {
        let waiting = self.output.len() + self.held_bytes;
        self.handle.output_bytes.store(waiting, Ordering::Relaxed);
        if waiting == 0 {
            self.pushed_bytes = 0;
        }
        if waiting < self.least_limit && self.pushed_bytes == 0 {
            self.over_soft_limit_since = None;
            return;
        }
        let limits = self.state.config().get(options::CLIENT_OUTPUT_BUFFER_LIMIT);
        let counted = match self.subscribed {
            true => [(limits.pubsub, waiting), (limits.pubsub, 0)],
            false => [(limits.normal, waiting), (limits.pubsub, self.pushed_bytes.min(waiting))],
        };
        let over = |bytes: u64, waiting: usize| bytes > 0 && waiting as u64 > bytes;
        let hard = counted.iter().any(|(limit, waiting)| over(limit.hard_bytes, *waiting));
        let soft = counted.iter().find(|(limit, waiting)| over(limit.soft_bytes, *waiting));
        let Some((limit, _)) = soft.filter(|_| !hard) else {
            self.over_soft_limit_since = None;
            if hard {
                self.close_at_limit(waiting);
            }
            return;
        };
        let seconds = limit.soft_seconds;
        match self.over_soft_limit_since {
            None => {
                self.over_soft_limit_since = Some(Instant::now());
                self.look_again(Duration::from_secs(seconds));
            }
            Some(since) if since.elapsed().as_secs() >= seconds => self.close_at_limit(waiting),
            Some(_) => {}
        }
    }

    /// Has the limits looked at when a client has been over one of them for its time, though nothing happens.
    fn look_again(&self, after: Duration) {
        if let Some(address) = self.address.clone() {
            actix_rt::spawn(async move {
                tokio::time::sleep(after).await;
                address.do_send(Deliver);
            });
        }
    }

    /// Writes what may leave, as far as the socket takes it.
    pub(super) fn flush(&mut self) {
        if self.writer_waits || self.closed {
            return;
        }
        while !self.output.is_empty() || self.take_piece() {
            match self.write_half.try_write(&self.output) {
                Ok(count) => {
                    self.state.counters.writes.fetch_add(1, Ordering::Relaxed);
                    self.state.counters.output_bytes.fetch_add(count as u64, Ordering::Relaxed);
                    if count == self.output.len() {
                        self.output.clear();
                    } else {
                        let _ = self.output.split_to(count);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait_for_room();
                    return;
                }
                Err(_) => {
                    self.close();
                    return;
                }
            }
        }
        if self.write_half.is_pending() {
            self.wait_for_room();
            return;
        }
        self.handle.output_bytes.store(self.held_bytes, Ordering::Relaxed);
        self.pushed_bytes = self.pushed_bytes.min(self.held_bytes);
        if self.replicates.is_some() && self.held.is_empty() && self.under_way == 0 {
            self.become_replica();
        }
        if self.close_after_output && self.held.is_empty() && self.under_way == 0 {
            self.close();
        }
    }

    /// Takes the next piece of a long reply, if there is one and all before it has left. Returns whether it did.
    fn take_piece(&mut self) -> bool {
        let Some(reply) = self.long_reply.as_ref().filter(|_| self.held.is_empty() && !self.closed) else {
            return false;
        };
        if let Some(piece) = reply.next(self.address.as_ref()) {
            // A client that reads is not idle.
            lock(&self.handle.session).active_ms = now_ms();
            self.append(piece, 0);
        } else if let Some(rest) = self.rest.take() {
            self.long_reply = None;
            if let Some(address) = &self.address {
                // Not from here: it goes on with what the client sent, and that ends here again.
                address.do_send(Finished(rest));
            }
        }
        !self.output.is_empty()
    }

    pub(super) fn wait_for_room(&mut self) {
        let Some(me) = self.me.clone() else { return };
        self.writer_waits = true;
        let half = self.write_half.clone();
        let task = actix_rt::spawn(async move {
            let ready = half.writable().await;
            let mut core = me.borrow_mut();
            core.writer_waits = false;
            match ready {
                Ok(()) => core.process(),
                Err(_) => core.close(),
            }
        });
        self.writing = Some(task);
    }

    pub(super) fn close(&mut self) {
        if self.closed {
            return;
        }
        self.let_go();
        if let Some(address) = self.address.take() {
            address.do_send(Kill);
        }
    }

    /// Frees what a closed client holds. A write that waits is given up: else the socket would stay open until the
    /// other side reads.
    pub(super) fn let_go(&mut self) {
        self.closed = true;
        self.write_half.end();
        self.set_postponed(false);
        self.output = BytesMut::new();
        self.held.clear();
        self.held_bytes = 0;
        self.later = Vec::new();
        self.long_reply = None;
        self.rest = None;
        self.handle.inbox.close();
        self.parsed = None;
        self.paused = None;
        self.input = BytesMut::new();
        if let Some(task) = self.writing.take() {
            task.abort();
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
