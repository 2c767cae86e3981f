//! From bytes to commands: parsing, checks, and which of them run together.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use pika_core::acl::Context;
use pika_core::commands::spec::{Command, Queue, Run};
use pika_core::commands::table::{self, Entry};
use pika_core::commands::{Args, Flags};
use pika_core::resp::{Batch, Reply};

use super::{BATCH, Core, Parsed, Resume};
use crate::router::{Route, route};
use crate::scripts::Needs;
use crate::work::Op;

/// Why a command does not run.
enum Refusal {
    /// It gets this error.
    Error(Vec<u8>),
    /// What stands before it runs first; then it is looked at again.
    AfterOthers,
    /// Clients are paused.
    Paused,
}

impl Core {
    /// Takes the complete commands from the input. Returns whether there are any.
    pub(super) fn parse(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        if self.input.len() as u64 > self.query_limit {
            slog::warn!(self.state.logger, "closing a client that reached the query buffer limit";
                "client" => &self.client_address);
            self.close();
            return false;
        }
        self.limits.authenticated = self.authenticated;
        let at_most = if self.authenticated { BATCH } else { 1 };
        let (ranges, commands) =
            (std::mem::take(&mut self.spare.ranges), std::mem::take(&mut self.spare.commands));
        let mut batch = Batch { ranges, commands, ..Batch::default() };
        batch.clear();
        let (consumed, failure) = match self.parser.parse(&self.input, &self.limits, at_most, &mut batch) {
            Ok(consumed) => (consumed, None),
            Err(failure) => {
                let mut text = b"ERR ".to_vec();
                text.extend_from_slice(&failure.error.message());
                (failure.consumed, Some(text))
            }
        };
        self.handle.input_bytes.store(self.input.len(), Ordering::Relaxed);
        if batch.commands.is_empty() && failure.is_none() {
            // Blank lines and empty arrays are consumed without being commands.
            let _ = self.input.split_to(consumed);
            (self.spare.ranges, self.spare.commands) = (batch.ranges, batch.commands);
            // It is not idle: `timeout` is about silence, not about how long a request takes.
            crate::state::lock(&self.handle.session).active_ms = crate::state::now_ms();
            return false;
        }
        let frame = self.input.split_to(consumed).freeze();
        let inline = Bytes::from(std::mem::take(&mut batch.inline));
        self.parsed = Some(Parsed { frame, inline, batch, next: 0, failure });
        true
    }

    /// Runs commands of the frame until its end, or until something is under way. Returns whether it came to the
    /// end.
    pub(super) fn dispatch(&mut self) -> bool {
        let Some(mut parsed) = self.parsed.take() else { return true };
        let first = parsed.next;
        let done = self.dispatch_parsed(&mut parsed);
        self.state.counters.commands.fetch_add((parsed.next - first) as u64, Ordering::Relaxed);
        if done {
            if let Some(text) = parsed.failure.take() {
                let mut reply = Reply::new(self.protocol);
                reply.error_bytes(&text);
                self.host.borrow_mut().statistics.error(reply.as_slice());
                self.append(reply.take(), 0);
                self.close_after_output = true;
            }
            if self.spare.ranges.is_empty() {
                self.spare.ranges = parsed.batch.ranges;
            }
            self.spare.commands = parsed.batch.commands;
        } else if parsed.next < parsed.batch.commands.len() || parsed.failure.is_some() {
            self.parsed = Some(parsed);
        }
        done
    }

    pub(super) fn dispatch_parsed(&mut self, parsed: &mut Parsed) -> bool {
        let partitions = self.state.identity.partitions;
        let mut ops: Vec<Op> = std::mem::take(&mut self.spare.ops);
        let mut owners: Vec<usize> = Vec::new();
        let mut scripts = false;
        ops.clear();
        while parsed.next < parsed.batch.commands.len() {
            self.refresh_rights();
            if self.close_after_output || self.closed {
                break;
            }
            if ops.is_empty() {
                scripts = false;
                self.take_pushes();
            }
            let command = parsed.batch.commands[parsed.next];
            let args = parsed.args(command);
            if self.disconnects_replica(args) {
                break;
            }
            let entry = match self.admit(args, ops.is_empty()) {
                Ok(entry) => entry,
                Err(Refusal::Error(error)) => {
                    let ends = args.word(0).eq_ignore_ascii_case(b"exec");
                    if let Some(transaction) = &mut self.transaction
                        && !ends
                    {
                        transaction.refuse();
                    }
                    if !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                    parsed.next += 1;
                    if ends {
                        self.refuse_exec(&error);
                    } else {
                        self.answer_error(&error);
                    }
                    continue;
                }
                Err(Refusal::AfterOthers) => {
                    if !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                    continue;
                }
                Err(Refusal::Paused) => {
                    // This command is looked at again a little later.
                    if self.run_ops(parsed, &mut ops, &mut owners) {
                        self.set_postponed(true);
                        self.come_back();
                    }
                    return false;
                }
            };
            self.set_postponed(false);
            let where_to = route(entry.command, args, partitions);
            if self.transaction.is_some()
                && !matches!(where_to, Route::Queue(Queue::Begin | Queue::Run | Queue::Discard))
                && !self.queue(entry, args)
            {
                parsed.next += 1;
                continue;
            }
            // What waits, or begins to watch, is a piece of work of its own: what came before it is answered.
            let alone =
                entry.command.flags.has(Flags::BLOCKING) || matches!(entry.command.run, Run::Watch(_));
            if alone && !ops.is_empty() && !self.run_ops(parsed, &mut ops, &mut owners) {
                return false;
            }
            let is_script = matches!(entry.command.run, Run::Script(_));
            match where_to {
                // A script may come upon keys of any partition: no other one runs anything of this client beside it.
                Route::Partition(owner)
                    if (is_script || scripts) && owners.iter().any(|other| *other != owner) =>
                {
                    if !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                    continue;
                }
                Route::Partition(owner) => {
                    let replies = self.replies || self.reply_permit();
                    self.wrote |= entry.command.is_write() || is_script;
                    scripts |= is_script;
                    let tracked = self.tracks(entry);
                    self.show(entry, parsed.args(command), self.database);
                    ops.push(Op {
                        entry,
                        words: (command.first, command.count),
                        inline: command.inline,
                        database: self.database,
                        replies,
                        tracked,
                    });
                    if partitions > 1 {
                        owners.push(owner);
                    }
                    parsed.next += 1;
                    if alone && !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                }
                other => {
                    // What came before must be done first.
                    if !ops.is_empty() && !self.run_ops(parsed, &mut ops, &mut owners) {
                        return false;
                    }
                    parsed.next += 1;
                    if !self.run_elsewhere(parsed, other, entry, command.first, command.count, command.inline)
                    {
                        return false;
                    }
                }
            }
        }
        self.note_command(&ops);
        self.run_ops(parsed, &mut ops, &mut owners)
    }

    /// Checks name, number of words, authentication, rights and pause. `first`: no command before it is yet to run.
    fn admit(&mut self, args: Args<'_>, first: bool) -> Result<&'static Entry, Refusal> {
        let entry = match table::resolve_as_named(args) {
            Ok(entry) => entry,
            Err(refusal) => {
                if let Some(id) = refusal.id {
                    self.host.borrow_mut().statistics.rejected(id);
                }
                return Err(Refusal::Error(refusal.error));
            }
        };
        let flags = entry.command.flags;
        if !self.authenticated && !flags.has(Flags::NO_AUTH) {
            self.host.borrow_mut().statistics.rejected(entry.id);
            return Err(Refusal::Error(b"NOAUTH Authentication required.".to_vec()));
        }
        if let Err(denial) = self.check_rights(entry, args) {
            // ACL LOG has it behind what a script before it was denied.
            if !first {
                return Err(Refusal::AfterOthers);
            }
            let context = if self.transaction.is_some() { Context::Multi } else { Context::TopLevel };
            self.log_denial(self.rights.user(), &denial, context);
            let error = denial.error();
            self.host.borrow_mut().statistics.rejected(entry.id);
            return Err(Refusal::Error(error));
        }
        if self.state.following.is_slave()
            && let Some(error) = self.slave_refusal(entry)
        {
            self.host.borrow_mut().statistics.rejected(entry.id);
            return Err(Refusal::Error(error));
        }
        if !flags.has(Flags::ALLOW_BUSY)
            && let Some(text) = self.state.scripts.refusal_if_any(|| self.needs(entry, args))
        {
            self.host.borrow_mut().statistics.rejected(entry.id);
            return Err(Refusal::Error(text.as_bytes().to_vec()));
        }
        if self.restricted
            && let Some(error) = self.refusal(entry)
        {
            self.host.borrow_mut().statistics.rejected(entry.id);
            return Err(Refusal::Error(error));
        }
        if self.state.replication.refuses_writes.load(Ordering::Relaxed) && self.would_write(entry.command) {
            self.host.borrow_mut().statistics.rejected(entry.id);
            return Err(Refusal::Error(b"NOREPLICAS Not enough good replicas to write.".to_vec()));
        }
        if self.state.paused.load(Ordering::Relaxed)
            && !self.says_no_writes(entry, args)
            && self.is_paused(entry.command)
        {
            return Err(Refusal::Paused);
        }
        Ok(entry)
    }

    /// What a command needs that a script may hold.
    fn needs(&self, entry: &Entry, args: Args<'_>) -> Needs {
        match route(entry.command, args, self.state.identity.partitions) {
            Route::Partition(index) => Needs::Partition(index),
            Route::All => Needs::All,
            Route::Session | Route::Queue(_) | Route::Admin => Needs::None,
        }
    }

    /// EXEC writes what was queued.
    fn would_write(&self, command: &Command) -> bool {
        match (command.run, &self.transaction) {
            (Run::Queue(Queue::Run), Some(transaction)) => transaction.commands().any(Command::is_write),
            _ => command.is_write(),
        }
    }

    /// Whether only writes are paused, and this is a script that says that it writes nothing.
    fn says_no_writes(&self, entry: &Entry, args: Args<'_>) -> bool {
        let Run::Script(invocation) = entry.command.run else { return false };
        self.state.current_pause().is_some_and(|pause| pause.writes_only)
            && invocation.says_no_writes(args, &self.state.shared)
    }

    fn is_paused(&self, command: &Command) -> bool {
        let Some(pause) = self.state.current_pause() else { return false };
        let waits = |command: &Command| {
            let replicates = command.flags.has(Flags::MAY_REPLICATE);
            let keyless =
                matches!(command.run, Run::Session(_) | Run::Queue(_) | Run::Admin(_) | Run::Container);
            let script = matches!(command.run, Run::Script(invocation) if !invocation.read_only);
            let writes = command.is_write() || replicates || script;
            (!keyless || replicates) && (!pause.writes_only || writes)
        };
        // EXEC waits for what it would run.
        match (command.run, &self.transaction) {
            (Run::Queue(Queue::Run), Some(transaction)) => transaction.commands().any(waits),
            _ => waits(command),
        }
    }

    /// Whether the client waits for the end of a pause; INFO counts it among the blocked ones.
    pub(super) fn set_postponed(&mut self, postponed: bool) {
        if self.postponed == postponed {
            return;
        }
        self.postponed = postponed;
        let blocked = &self.state.counters.blocked_clients;
        if postponed {
            blocked.fetch_add(1, Ordering::Relaxed);
        } else {
            blocked.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn come_back(&mut self) {
        if self.comes_back {
            return;
        }
        if let Some(address) = self.address.clone() {
            self.comes_back = true;
            actix_rt::spawn(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                address.do_send(Resume);
            });
        }
    }
}
