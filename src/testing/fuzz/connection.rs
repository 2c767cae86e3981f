//! A client of a whole server in miniature.

use std::sync::Arc;

use super::Choices;
use super::contents::same_after_replay;
use crate::acl;
use crate::commands::spec::{Group, Queue, Run};
use crate::commands::table::{self, Entry};
use crate::commands::{Args, Flags};
use crate::keyspace::transaction::Stop;
use crate::keyspace::watch::Watch;
use crate::number::parse_i64;
use crate::resp::{Batch, Limits, Parser, Reply, Value, parse_value};
use crate::server::stand_in::StandIn;
use crate::server::{AdminContext, Server as _, SessionContext};
use crate::session::Session;
use crate::testing::MiniServer;

/// Longest string that a command may make, in bytes: a few bytes of input can ask for as much.
const LONGEST: u64 = 8 * 1024;
/// Commands of one input that are run.
const COMMANDS: usize = 400;

/// Arbitrary bytes as what a client sends: each command is answered by one reply that is RESP (by one or more, where
/// messages are the answer), on one to three partitions, while writes reach the store late, memory goes cold, time
/// passes and the server crashes in between; and in the end the log alone gives all that was there.
///
/// Bits of the choices: 0 and 1 the number of partitions; 2 to 4 that something happens between commands.
pub fn connection(data: &[u8]) {
    let (mut choices, data) = Choices::take(data);
    let mut client = Client::new(1 + usize::from(choices.bits & 3).min(2));
    let (mut parser, mut batch, mut rest) = (Parser::new(), Batch::default(), data);
    for _ in 0..COMMANDS {
        batch.clear();
        let limits = Limits { authenticated: client.session.authenticated, ..Limits::default() };
        let Ok(consumed) = parser.parse(rest, &limits, 1, &mut batch) else { break };
        if let Some(command) = batch.commands.first() {
            let frame = if command.inline { &batch.inline[..] } else { rest };
            client.run(Args::new(frame, &batch.ranges));
        }
        rest = &rest[consumed..];
        if batch.commands.is_empty() || client.session.closing {
            break;
        }
        client.disturb(&mut choices);
    }
    client.server.engine.make_cold(false);
    let now_ms = client.server.now_ms;
    same_after_replay(client.server, now_ms);
}

/// A client, and the server that it alone has.
struct Client {
    server: MiniServer,
    stand_in: StandIn,
    session: Session,
    queue: Option<Vec<Vec<Vec<u8>>>>,
    refused: bool,
}

impl Client {
    fn new(partitions: usize) -> Client {
        let mut server = MiniServer::new(partitions);
        server.settings.max_bulk_len = LONGEST;
        let stand_in = StandIn::default();
        let mut session = Session::new(7, server.now_ms);
        session.begin_as(stand_in.access().users().default_user());
        Client { server, stand_in, session, queue: None, refused: false }
    }

    fn run(&mut self, args: Args<'_>) {
        let mut reply = Reply::new(self.session.protocol);
        let entry = match self.admit(args) {
            Ok(entry) => entry,
            Err(error) => {
                self.refused = true;
                reply.error_bytes(&error);
                return check(None, &reply);
            }
        };
        if !is_tried(entry, args) {
            return;
        }
        match entry.command.run {
            Run::Queue(what) => self.transact(what, &mut reply),
            _ if self.queue.is_some() && !entry.command.flags.has(Flags::UNQUEUED) => {
                if entry.command.flags.has(Flags::NO_MULTI) {
                    self.refused = true;
                    reply.error("ERR Command not allowed inside a transaction");
                } else if let Some(queue) = &mut self.queue {
                    queue.push(args.words().map(<[u8]>::to_vec).collect());
                    reply.simple("QUEUED");
                }
                check(None, &reply);
            }
            _ => {
                self.execute(entry, args, &mut reply);
                self.answered(entry, &reply);
                if !self.server.atomic {
                    self.server.close_groups();
                }
            }
        }
    }

    /// Whether the client may run it.
    fn admit(&self, args: Args<'_>) -> Result<&'static Entry, Vec<u8>> {
        let entry = table::resolve(args).map_err(|refusal| refusal.error)?;
        if !self.session.authenticated && !entry.command.flags.has(Flags::NO_AUTH) {
            return Err(b"NOAUTH Authentication required.".to_vec());
        }
        acl::may_run(&self.session.user, entry, args).map_err(|denial| denial.error())?;
        Ok(entry)
    }

    fn execute(&mut self, entry: &'static Entry, args: Args<'_>, reply: &mut Reply) {
        let now_us = self.server.now_ms * 1000;
        let server = &self.stand_in;
        self.session.last_command = Some(&entry.full_name);
        let result = match entry.command.run {
            Run::Session(run) => {
                let (session, atomic) = (&mut self.session, self.server.atomic);
                run(&mut SessionContext { session, server, reply, now_us, atomic, later: None }, args)
            }
            Run::Admin(run) | Run::Apart(run) => {
                run(&mut AdminContext { session: &self.session, server, reply, now_us }, args)
            }
            _ => {
                self.server.database = self.session.database;
                self.server.protocol = self.session.protocol;
                self.server.run(entry.command, args, reply);
                return;
            }
        };
        match result {
            Ok(()) => {}
            Err(Stop::Error(text)) => {
                assert!(reply.is_empty(), "{} wrote before it failed", entry.full_name);
                reply.error(&text);
            }
            Err(stop) => panic!("{} stopped: {stop:?}", entry.full_name),
        }
    }

    /// Looks at what was answered.
    fn answered(&mut self, entry: &'static Entry, reply: &Reply) {
        let waits = self.session.waits.take().is_some() | self.session.replicates.take().is_some();
        let messages = std::mem::take(&mut self.session.pushed);
        let _ = self.session.take_reply_permit();
        // REPLCONF ACK is answered by nobody, SHUTDOWN by the end, CLIENT REPLY OFF and what is asked for again (MONITOR,
        // SYNC) by silence.
        let silent = ["shutdown", "quit", "replconf", "client|reply", "monitor", "sync", "psync"]
            .contains(&entry.full_name.as_str());
        if silent || waits || messages {
            replies(reply);
        } else {
            check(Some(entry), reply);
        }
    }

    fn transact(&mut self, what: Queue, reply: &mut Reply) {
        match (what, self.queue.take()) {
            (Queue::Begin, None) => {
                (self.queue, self.refused) = (Some(Vec::new()), false);
                reply.ok();
            }
            (Queue::Begin, queue) => {
                self.queue = queue;
                reply.error("ERR MULTI calls can not be nested");
            }
            (Queue::Unwatch, queue) => {
                (self.queue, self.server.watch) = (queue, Some(Arc::default()));
                reply.ok();
            }
            (Queue::Discard, Some(_)) => reply.ok(),
            (_, None) => reply.error("ERR without MULTI"),
            (Queue::Run, Some(_)) if self.refused => reply.error("EXECABORT"),
            (Queue::Run, Some(queue)) => return self.execute_all(&queue),
        }
        check(None, reply);
    }

    /// As EXEC: one record of the log.
    fn execute_all(&mut self, queue: &[Vec<Vec<u8>>]) {
        let watch = self.server.watch.replace(Arc::new(Watch::default()));
        if watch.is_some_and(|watch| watch.is_void(self.server.now_ms)) {
            return;
        }
        self.server.write_behind();
        self.server.atomic = true;
        self.server.partitions[0].begin_atomic();
        for words in queue {
            let (mut frame, mut ranges) = (Vec::new(), Vec::new());
            for word in words {
                let start = frame.len() as u32;
                frame.extend_from_slice(word);
                ranges.push((start, frame.len() as u32));
            }
            let args = Args::new(&frame, &ranges);
            let mut reply = Reply::new(self.session.protocol);
            // Its user may have lost the right meanwhile.
            let Ok(entry) = self.admit(args) else { continue };
            self.execute(entry, args, &mut reply);
            self.answered(entry, &reply);
        }
        self.server.partitions[0].end_atomic();
        self.server.atomic = false;
        if self.server.partitions.len() > 1 {
            self.server.barrier();
        } else {
            self.server.close_groups();
        }
    }

    /// What threads, time and kill -9 do to a server between two commands.
    fn disturb(&mut self, choices: &mut Choices) {
        let server = &mut self.server;
        if choices.bit(2) {
            match choices.random.u8(..8) {
                0 => server.take_hand_offs(),
                1 => drop(server.finish_hand_off()),
                2 => {
                    server.write_behind();
                    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
                }
                3 => server.engine.make_cold(choices.random.bool()),
                _ => {}
            }
        }
        if choices.bit(3) {
            match choices.random.u8(..8) {
                0 => server.now_ms += choices.random.u64(..3000),
                1 => server.expire(),
                _ => {}
            }
        }
        if choices.bit(4) && choices.random.u8(..16) == 0 {
            let partitions = choices.random.usize(1..=3);
            let server = std::mem::replace(server, MiniServer::new(1));
            self.server = server.crash(partitions);
        }
    }
}

/// Whether a command is run. Not those that run Lua, which has no bound here (`src/scripting` has its own tests);
/// nor those that take long by asking for it.
fn is_tried(entry: &Entry, args: Args<'_>) -> bool {
    let name = entry.command.name;
    let random = name.ends_with("randfield") || name.ends_with("randmember");
    let many = |word: &[u8]| parse_i64(word).is_some_and(|number| number < -1000);
    entry.command.group != Group::Scripting && name != "pfselftest" && !(random && args.words().any(many))
}

/// The values of a reply.
fn replies(reply: &Reply) -> Vec<Value> {
    let mut rest = reply.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let parsed = parse_value(rest);
        let Ok(Some((value, length))) = parsed else { panic!("{} is no reply", rest.escape_ascii()) };
        found.push(value);
        rest = &rest[length..];
    }
    found
}

/// One reply, unless it is about channels.
fn check(entry: Option<&'static Entry>, reply: &Reply) {
    let found = replies(reply);
    let several = entry.is_some_and(|entry| entry.command.group == Group::PubSub);
    assert!(found.len() == 1 || several && !found.is_empty(), "{:?}: {found:?}", entry.map(|e| &e.full_name));
}
