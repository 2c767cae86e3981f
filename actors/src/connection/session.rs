//! Commands about the connection itself.

use std::time::Instant;

use bytes::BytesMut;
use pika_core::commands::Flags;
use pika_core::commands::spec::Run;
use pika_core::commands::table::Entry;
use pika_core::config::options;
use pika_core::keyspace::transaction::Stop;
use pika_core::resp::Reply;
use pika_core::server::SessionContext;
use pika_core::session::Replies;

use super::Core;
use crate::service::Service;
use crate::state::{lock, now_us};
use crate::work::{Op, Work};

impl Core {
    /// Gives the socket to a link: all that was answered before has left.
    pub(super) fn become_replica(&mut self) {
        let Some(request) = self.replicates.take() else { return };
        let (announced, peer) = {
            let session = lock(&self.handle.session);
            let ip = session.address.rsplit_once(':').map_or(&session.address[..], |(ip, _)| ip);
            (session.announced.clone(), ip.trim_matches(['[', ']']).to_string())
        };
        match self.write_half.duplicate() {
            Ok(socket) => {
                crate::replication::attach(&self.state, self.id, peer, announced, request, socket);
            }
            Err(_) => self.close(),
        }
    }

    /// Whether the reply to the next command is sent, if CLIENT REPLY is not simply ON.
    pub(super) fn reply_permit(&mut self) -> bool {
        let mut session = lock(&self.handle.session);
        let permit = session.take_reply_permit();
        self.replies = session.replies == Replies::On;
        permit
    }

    /// Notes for CLIENT LIST when the client was active, and its last command.
    pub(super) fn note_command(&self, ops: &[Op]) {
        if let Some(op) = ops.last() {
            let mut session = lock(&self.handle.session);
            session.active_ms = now_us() / 1000;
            session.last_command = Some(&op.entry.full_name);
        }
    }

    pub(super) fn answer_error(&mut self, text: &[u8]) {
        let mut reply = Reply::new(self.protocol);
        reply.error_bytes(text);
        self.host.borrow_mut().statistics.error(reply.as_slice());
        if self.replies || self.reply_permit() {
            self.append(reply.take(), 0);
        }
    }

    /// Runs a command about the connection. Its reply, and whether it is sent.
    pub(super) fn run_session(
        &mut self,
        work: &Work,
        entry: &'static Entry,
        atomic: bool,
    ) -> (BytesMut, bool) {
        let began = Instant::now();
        let op = work.ops[0];
        let args = work.args(&op);
        let mut reply = Reply::new(self.protocol);
        let service = Service { state: self.state.clone() };
        let mut session = lock(&self.handle.session).clone();
        let heard = session.subscriptions.total() + usize::from(session.monitors);
        session.last_command = Some(&entry.full_name);
        session.active_ms = now_us() / 1000;
        if self.wrote {
            // What it wrote here gets its place now: what waits for slaves, or is sent to them, comes behind it.
            self.host.borrow_mut().place_writes();
        }
        if std::mem::take(&mut self.wrote) {
            session.written = self.state.shared.next_offset();
        }
        let caching = session.tracking.as_ref().is_some_and(|tracking| tracking.caching);
        let result = match entry.command.run {
            Run::Session(run) => {
                let mut context = SessionContext {
                    session: &mut session,
                    server: &service,
                    reply: &mut reply,
                    now_us: now_us(),
                    atomic,
                    later: None,
                };
                run(&mut context, args)
            }
            _ => Err(Stop::error(format!("ERR wrong number of arguments for '{}' command", entry.full_name))),
        };
        if let Err(Stop::Error(text)) = result {
            reply.truncate(0);
            reply.error(&text);
            self.note_refused_synchronization(entry, text.as_ref());
        }
        if std::mem::replace(&mut self.resets, session.resets) != session.resets {
            self.end_transaction();
            self.watch = None;
        }
        // Of what it hears no more, it has heard all before it is told so.
        if session.subscriptions.total() + usize::from(session.monitors) < heard {
            self.take_pushes();
        }
        self.note_session(&session);
        let permit = session.take_reply_permit() || std::mem::take(&mut session.pushed);
        self.protocol = session.protocol;
        self.database = session.database;
        self.become_user(session.user.clone(), session.authenticated);
        self.replies = session.replies == Replies::On;
        self.close_after_output |= session.closing;
        self.is_replica = session.is_replica;
        self.replicates = session.replicates.take().or(self.replicates);
        self.waits = session.waits.take();
        *lock(&self.handle.session) = session;
        if caching && self.transaction.is_none() {
            self.end_caching(entry);
        }
        let failed = reply.as_slice().first() == Some(&b'-');
        let took = began.elapsed();
        {
            let mut host = self.host.borrow_mut();
            if failed {
                host.statistics.error(reply.as_slice());
            }
            host.statistics.ran(entry.id, took.as_nanos() as u64, failed, true);
        }
        let threshold = self.state.config().get(options::SLOWLOG_LOG_SLOWER_THAN);
        if pika_core::slowlog::SlowLog::is_slow(threshold, took.as_micros() as u64)
            && !entry.command.flags.has(Flags::SKIP_SLOWLOG)
        {
            crate::work::add_slow(&self.state, work, &op, took);
        }
        (reply.take(), permit)
    }
}
