//! What a client gets that it did not ask for just now, and what others get of its commands.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use pika_core::commands::spec::{Group, Run};
use pika_core::commands::table::Entry;
use pika_core::commands::{Args, Flags, redact};
use pika_core::monitor;
use pika_core::push::Push;

use super::Core;
use crate::state::{lock, now_us};

impl Core {
    /// Takes what waits in the client's inbox. It stands behind the replies so far.
    pub(super) fn take_pushes(&mut self) {
        if self.handle.inbox.is_empty() && (self.later.is_empty() || self.under_way > 0) {
            return;
        }
        if self.long_reply.is_some() || self.rest.is_some() {
            // It cannot stand within a reply.
            return;
        }
        let taken = self.handle.inbox.take();
        if taken.overflowed {
            self.close_at_limit(0);
        }
        if self.closed || self.close_after_output {
            return;
        }
        let mut pushes = std::mem::take(&mut self.later);
        pushes.extend(taken.pushes);
        if self.under_way > 0 {
            // What its own command brought about comes behind that command's reply.
            let own = |push: &Arc<Push>| push.cause == self.id;
            (self.later, pushes) = pushes.into_iter().partition(own);
        }
        let mut bytes = if self.held.is_empty() { std::mem::take(&mut self.output) } else { BytesMut::new() };
        let before = bytes.len();
        for push in pushes {
            push.write(&mut bytes, self.protocol, self.subscribed);
        }
        self.pushed_bytes += bytes.len() - before;
        self.append(bytes, 0);
    }

    /// Takes over what a command about the connection changed in what the client gets: reads it off its session.
    pub(super) fn note_session(&mut self, session: &pika_core::session::Session) {
        let only_subscribes = session.only_subscribes();
        self.subscribed = !session.subscriptions.is_empty();
        self.restricted = only_subscribes || session.monitors;
        self.tracking.clone_from(&session.tracking);
        self.note_interests(session);
        self.no_touch = session.no_touch;
    }

    /// Whether a client that gets messages may run a command; the error if not.
    pub(super) fn refusal(&self, entry: &Entry) -> Option<Vec<u8>> {
        let flags = entry.command.flags;
        let session = lock(&self.handle.session);
        if session.only_subscribes() && !flags.has(Flags::SUBSCRIBED) {
            let text = format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
                entry.full_name
            );
            return Some(text.into_bytes());
        }
        let on_keys =
            flags.has(Flags::WRITE) || flags.has(Flags::READONLY) || flags.has(Flags::MAY_REPLICATE);
        (session.monitors && on_keys).then(|| b"ERR Replica can't interact with the keyspace".to_vec())
    }

    /// Whether the keys of the next command are to be remembered; ends what CLIENT CACHING said, unless it goes on.
    pub(super) fn tracks(&mut self, entry: &Entry) -> bool {
        let Some(tracking) = &self.tracking else { return false };
        // A script says itself what it reads.
        let is_script = matches!(entry.command.run, Run::Script(_));
        let tracked = tracking.remembers() && entry.command.flags.has(Flags::READONLY) && !is_script;
        if tracking.caching && self.transaction.is_none() {
            self.end_caching(entry);
        }
        tracked
    }

    /// CLIENT CACHING is about the next command, other than CLIENT itself.
    pub(super) fn end_caching(&mut self, entry: &Entry) {
        let is_client = entry.parent.is_some_and(|parent| parent.group == Group::Connection);
        if let Some(tracking) = self.tracking.as_mut().filter(|tracking| tracking.caching && !is_client) {
            tracking.caching = false;
            lock(&self.handle.session).tracking.clone_from(&self.tracking);
        }
    }

    /// Shows a command to those who asked for all.
    pub(super) fn show(&self, entry: &Entry, args: Args<'_>, database: usize) {
        if !self.state.messaging.is_monitored() {
            return;
        }
        let flags = entry.command.flags;
        // A script is shown, and before its commands.
        let is_script = matches!(entry.command.run, Run::Script(_));
        if flags.has(Flags::ADMIN) || (flags.has(Flags::SKIP_MONITOR) && !is_script) {
            return;
        }
        let words = redact::words(entry, args);
        let address = monitor::address(&self.client_address);
        self.state.messaging.show(monitor::line(now_us(), database, &address, words.into_iter()));
    }

    /// Closes the client, since more waits for it than may.
    pub(super) fn close_at_limit(&mut self, waiting: usize) {
        slog::warn!(self.state.logger, "closing a client at its output buffer limit";
            "client" => &self.client_address, "bytes" => waiting);
        self.state.counters.output_limit_disconnections.fetch_add(1, Ordering::Relaxed);
        self.close();
    }
}
