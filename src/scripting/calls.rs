//! What `redis.call` does: the words of a command, whether a script may run it, and running it.

use std::rc::Rc;
use std::sync::Arc;

use mlua::{Lua, MultiValue, Value};

use super::convert::{self, Names};
use super::host::{Call, Control, Host, Standing};
use super::interpreter::{Answer, Answered, GivenUp, Limits, NO_MEMORY};
use super::shebang::ScriptFlags;
use crate::acl::{self, Denial};
use crate::commands;
use crate::commands::execute::{Environment, Halt, all_needs, execute};
use crate::commands::spec::Run;
use crate::commands::table::{self, Entry};
use crate::commands::{Args, Context, Flags};
use crate::keyspace::slot;
use crate::keyspace::transaction::{Place, Reach, Source, Stop};
use crate::number::{Decimal, write_f64};
use crate::resp::{Protocol, Reply};
use crate::server::{AdminContext, Later, SessionContext};
use crate::session::Session;

/// What a command costs of the budget of instructions.
const CALL: i64 = 200;
/// Replies of more bytes are made Lua's values only if there is memory for them.
const LARGE: usize = 64 * 1024;
/// Writes that may wait for the end of a script; with more it runs where each is committed at once.
const MOST_PENDING: usize = 10_000;

/// What commands run over.
#[derive(Debug)]
pub(super) enum Backing<'s, 'c> {
    /// All of them in one transaction: the run can be dropped at any time, and nothing has happened.
    Gathered(Box<Context<'s, 'c>>),
    /// Each is committed at once, as part of one record of the log: nothing can hold it up.
    Committed(Source<'s>),
}

/// The commands of one run of a script.
#[derive(Debug)]
pub(super) struct Calls<'s, 'c, 'e> {
    pub(super) backing: Backing<'s, 'c>,
    pub(super) environment: Environment<'e>,
    pub(super) limits: Rc<Limits>,
    pub(super) names: Rc<Names>,
    pub(super) standing: Standing,
    pub(super) control: Option<Arc<dyn Control>>,
    /// What its first line says, or its registration; `None`: a script without one.
    pub(super) flags: Option<ScriptFlags>,
    pub(super) read_only: bool,
    pub(super) database: usize,
    pub(super) session: Option<Session>,
    /// What the run cannot go on without.
    pub(super) halt: Option<Halt>,
    pub(super) wrote: bool,
    pub(super) group: crate::keyspace::table::Group,
    pub(super) calls: Vec<Call>,
    pub(super) later: Vec<Later>,
    /// For MONITOR: where in `shown` the words of each command end.
    pub(super) shown: Vec<(usize, &'static Entry, Vec<Vec<u8>>)>,
    pub(super) reply: Reply,
    pub(super) frame: Vec<u8>,
    pub(super) ranges: Vec<(u32, u32)>,
}

/// Why a command did not run.
enum Refusal {
    /// The script gets this error.
    Error(Vec<u8>),
    /// The run is given up.
    GiveUp,
}

impl From<&str> for Refusal {
    fn from(text: &str) -> Refusal {
        Refusal::Error(text.as_bytes().to_vec())
    }
}

impl Answer for Calls<'_, '_, '_> {
    fn answer(&mut self, lua: &Lua, asks: bool, words: &MultiValue) -> mlua::Result<Answered> {
        // In place, the hook looks at the time often enough.
        let goes_on = match self.control {
            Some(_) => self.limits.look(CALL),
            None => self.limits.spend(CALL),
        };
        if !goes_on {
            return Ok(Answered::GivenUp);
        }
        if let Err(text) = self.take_words(words) {
            return Ok(Answered::Error(text.as_bytes().to_vec()));
        }
        let (frame, ranges) = (std::mem::take(&mut self.frame), std::mem::take(&mut self.ranges));
        let args = Args::new(&frame, &ranges);
        let answer = if asks { self.ask(args) } else { self.run(args) };
        (self.frame, self.ranges) = (frame, ranges);
        match answer {
            Ok(()) if asks => Ok(Answered::Reply(Value::Boolean(true))),
            Err(Refusal::Error(text)) if asks && text.is_empty() => {
                Ok(Answered::Reply(Value::Boolean(false)))
            }
            Ok(()) => self.replied(lua),
            Err(Refusal::Error(text)) => Ok(Answered::Error(text)),
            Err(Refusal::GiveUp) => {
                self.limits.give_up(GivenUp::Call);
                Ok(Answered::GivenUp)
            }
        }
    }
}

impl<'e> Calls<'_, '_, 'e> {
    /// What a command replied, as the script gets it.
    fn replied(&mut self, lua: &Lua) -> mlua::Result<Answered> {
        let mut bytes = self.reply.as_slice();
        if bytes.len() > LARGE && convert::memory_of(bytes) > self.limits.memory_left(lua) {
            self.reply.truncate(0);
            return Err(mlua::Error::MemoryError(NO_MEMORY.to_string()));
        }
        let answered = match bytes.strip_prefix(b"-") {
            Some(line) => Answered::Error(line.strip_suffix(b"\r\n").unwrap_or(line).to_vec()),
            None => Answered::Reply(convert::to_lua(lua, &self.names, &mut bytes)?),
        };
        self.reply.truncate(0);
        Ok(answered)
    }

    /// Takes over the words of a command.
    fn take_words(&mut self, words: &MultiValue) -> Result<(), &'static str> {
        self.frame.clear();
        self.ranges.clear();
        for word in words {
            let start = self.frame.len() as u32;
            match word {
                Value::String(text) => self.frame.extend_from_slice(&text.as_bytes()),
                Value::Integer(number) => self.frame.extend_from_slice(Decimal::new(*number).as_bytes()),
                Value::Number(number) => write_f64(&mut self.frame, *number),
                _ => return Err("ERR Lua redis lib command arguments must be strings or integers"),
            }
            if self.frame.len() > u32::MAX as usize / 2 {
                return Err("ERR the arguments of a command are too long");
            }
            self.ranges.push((start, self.frame.len() as u32));
        }
        match self.ranges.is_empty() {
            false => Ok(()),
            true => Err("ERR Please specify at least one argument for this redis lib call"),
        }
    }

    /// Whether the client may run a command; an empty error: no.
    fn ask(&self, args: Args<'_>) -> Result<(), Refusal> {
        let invalid = || Refusal::from("ERR Invalid command passed to redis.acl_check_cmd()");
        let entry = match table::resolve(args) {
            Ok(entry) => entry,
            Err(refusal) => &table::entries()[refusal.id.ok_or_else(invalid)?],
        };
        self.may_run(entry, args).map_err(|_| Refusal::Error(Vec::new()))
    }

    /// Whether the user who runs the script may run a command.
    fn may_run(&self, entry: &'static Entry, args: Args<'_>) -> Result<(), Denial> {
        self.environment.user.map_or(Ok(()), |user| acl::may_run(user, entry, args))
    }

    /// Checks a command and runs it; its reply is in `reply`.
    fn run(&mut self, args: Args<'_>) -> Result<(), Refusal> {
        let entry = match table::resolve(args) {
            Ok(entry) => entry,
            Err(refusal) if refusal.id.is_some() => {
                return Err("ERR Wrong number of args calling Redis command from script".into());
            }
            Err(_) => return Err("ERR Unknown Redis command called from script".into()),
        };
        if let Err(refusal) = self.admit(entry, args) {
            if let Refusal::Error(text) = &refusal {
                let error = Some([b"-", &text[..]].concat());
                self.calls.push(Call { id: entry.id, nanos: 0, ran: false, error });
            }
            return Err(refusal);
        }
        let host = self.environment.host;
        let began = host.map_or(0, Host::now_us);
        let protocol = if self.limits.resp.get() == 3 { Protocol::Resp3 } else { Protocol::Resp2 };
        self.reply.truncate(0);
        self.reply.set_protocol(protocol);
        if let Some(host) = host {
            if entry.command.flags.has(Flags::READONLY) {
                host.will_read(entry, args);
            }
            if host.is_monitored() {
                self.shown.push((self.database, entry, args.words().map(<[u8]>::to_vec).collect()));
            }
        }
        let ran = match entry.command.run {
            Run::Session(run) => self.run_session(entry, run, args),
            Run::Admin(run) | Run::Apart(run) => self.run_admin(run, args),
            _ if matches!(self.backing, Backing::Gathered(_)) => self.run_gathered(entry, args),
            _ => self.run_committed(entry, args),
        };
        if let Err(stop) = ran {
            let halt = match stop {
                Stop::Need(needs) => Halt::Need(needs),
                Stop::Settle => Halt::Settle,
                Stop::Engine(error) => Halt::Engine(error),
                Stop::Elsewhere(place) => Halt::Elsewhere(place),
                Stop::Block(block) => Halt::Block(block),
                Stop::Error(text) => {
                    self.reply.truncate(0);
                    self.reply.error(&text);
                    return self.note(entry, began);
                }
            };
            self.halt = Some(halt);
            return Err(Refusal::GiveUp);
        }
        self.note(entry, began)
    }

    fn note(&mut self, entry: &'static Entry, began_us: u64) -> Result<(), Refusal> {
        let Some(host) = self.environment.host else { return Ok(()) };
        let nanos = host.now_us().saturating_sub(began_us) * 1000;
        let reply = self.reply.as_slice();
        let error = (reply.first() == Some(&b'-')).then(|| reply.to_vec());
        self.calls.push(Call { id: entry.id, nanos, ran: true, error });
        Ok(())
    }

    /// Whether a script may run a command, in Redis's order of questions.
    fn admit(&mut self, entry: &'static Entry, args: Args<'_>) -> Result<(), Refusal> {
        let flags = entry.command.flags;
        // WAIT and WAITAOF are not about keys, and block.
        let waits = flags.has(Flags::BLOCKING) && matches!(entry.command.run, Run::Session(_));
        if flags.has(Flags::NOSCRIPT) || waits || matches!(entry.command.run, Run::Queue(_) | Run::Script(_))
        {
            return Err("ERR This Redis command is not allowed from script".into());
        }
        if self.standing.stale && !flags.has(Flags::STALE) {
            return Err("ERR Can not execute the command on a stale replica".into());
        }
        if let Err(denial) = self.may_run(entry, args) {
            if let Some(host) = self.environment.host {
                let now_ms = self.environment.now_ms;
                commands::acl::refuse(host.server(), &host.session(), &denial, acl::Context::Lua, now_ms);
            }
            return Err(Refusal::Error([b"ERR ", denial.in_script().as_bytes()].concat()));
        }
        let replicates = flags.has(Flags::MAY_REPLICATE);
        if self.read_only && (entry.command.is_write() || replicates) {
            return Err("ERR Write commands are not allowed from read-only scripts.".into());
        }
        if entry.command.is_write() || replicates {
            if self.standing.read_only && entry.command.is_write() {
                return Err("READONLY You can't write against a read only replica.".into());
            }
            if self.standing.few_replicas && !self.wrote {
                return Err("NOREPLICAS Not enough good replicas to write.".into());
            }
        }
        let allows = self.flags.is_some_and(|flags| flags.has(ScriptFlags::ALLOW_OOM));
        if self.standing.full && flags.has(Flags::DENYOOM) && !allows && !self.wrote {
            return Err("OOM command not allowed when the disk has less room than 'disk-reserve'".into());
        }
        if flags.has(Flags::BLOCKING) {
            // XREAD and its like block only if they are asked to.
            let mut options = args.from(1).take_while(|word| !word.eq_ignore_ascii_case(b"streams"));
            if options.any(|word| word.eq_ignore_ascii_case(b"block")) {
                let name = entry.command.name;
                let text = format!("ERR {name} command is not allowed with BLOCK option from scripts");
                return Err(Refusal::Error(text.into_bytes()));
            }
        }
        if entry.command.is_write()
            && let Some(control) = &self.control
            && !control.may_write()
        {
            self.limits.give_up(GivenUp::Killed);
            return Err(Refusal::GiveUp);
        }
        Ok(())
    }

    fn run_gathered(&mut self, entry: &'static Entry, args: Args<'_>) -> Result<(), Stop> {
        let Backing::Gathered(context) = &mut self.backing else { return Ok(()) };
        let command = entry.command;
        let (Run::Keys(run) | Run::Cursor(_, run)) = command.run else {
            return Err(Stop::Elsewhere(Place::Everywhere));
        };
        let slots = context.txn.slots();
        if slots.len() < usize::from(slot::SLOTS) {
            let strange = |key| !slots.contains(&slot::of_key(key));
            let anywhere = matches!(command.run, Run::Cursor(..)) || command.names_unknown_keys(args);
            if anywhere || command.keys_of(args).any(strange) {
                return Err(Stop::Elsewhere(Place::Everywhere));
            }
        }
        if context.txn.pending_writes() > MOST_PENDING {
            return Err(Stop::Elsewhere(Place::Everywhere));
        }
        context.reply.set_protocol(self.reply.protocol());
        let step = context.txn.begin_step();
        let ran = run(context, args);
        match ran {
            Ok(()) => self.wrote |= context.txn.end_step(step, args.words()),
            Err(stop) => {
                context.txn.undo_step(step);
                context.reply.truncate(0);
                match stop {
                    Stop::Error(text) => context.reply.error(&text),
                    Stop::Block(block) => block.otherwise.write_at_once(context.reply),
                    Stop::Need(needs) => {
                        return Err(Stop::Need(all_needs(needs, command, args, &mut context.txn)));
                    }
                    // Only what runs over lent partitions is settled.
                    Stop::Settle => return Err(Stop::Elsewhere(Place::Everywhere)),
                    other => return Err(other),
                }
            }
        }
        // Both are empty before each command.
        std::mem::swap(&mut self.reply, context.reply);
        Ok(())
    }

    fn run_committed(&mut self, entry: &'static Entry, args: Args<'_>) -> Result<(), Stop> {
        let environment = Environment {
            database: self.database,
            atomic: true,
            watch: None,
            host: None,
            scripted: true,
            ..self.environment
        };
        let Backing::Committed(source) = &mut self.backing else { return Ok(()) };
        let source = match source {
            Source::One(partition) => Source::One(partition),
            Source::All(partitions) => Source::All(partitions),
            Source::View(view) => Source::View(view),
        };
        let done = execute(entry.command, args, source, Reach::UNBOUNDED, environment, &mut self.reply);
        match done {
            Ok(done) => {
                self.group = self.group.max(done.group);
                self.wrote |= done.wrote;
                Ok(())
            }
            Err(Halt::Need(needs)) => Err(Stop::Need(needs)),
            Err(Halt::Settle) => Err(Stop::Settle),
            Err(Halt::Block(block)) => Err(Stop::Block(block)),
            Err(Halt::Elsewhere(place)) => Err(Stop::Elsewhere(place)),
            Err(Halt::Engine(error)) => Err(Stop::Engine(error)),
        }
    }

    /// The client as the script sees it, with the script's database. The script is subscribed to nothing, whatever the
    /// client is: PING answers it as anybody.
    fn session(&mut self, host: &'e dyn Host) -> &mut Session {
        let session = self.session.get_or_insert_with(|| {
            let mut session = host.session();
            session.subscriptions = Default::default();
            session
        });
        session.database = self.database;
        session.protocol = self.reply.protocol();
        session
    }

    fn run_session(
        &mut self,
        entry: &'static Entry,
        run: crate::server::SessionRun,
        args: Args<'_>,
    ) -> Result<(), Stop> {
        let Some(host) = self.environment.host else {
            return Err(Stop::error("ERR there is no server for this command"));
        };
        self.session(host);
        let Some(mut session) = self.session.take() else { return Ok(()) };
        let mut context = SessionContext {
            session: &mut session,
            server: host.server(),
            reply: &mut self.reply,
            now_us: self.environment.now_ms * 1000,
            atomic: true,
            later: Some(&mut self.later),
        };
        if entry.command.flags.has(Flags::FAST) || entry.command.name == "time" {
            context.now_us = host.now_us();
        }
        let ran = run(&mut context, args);
        let database = session.database;
        self.session = Some(session);
        ran?;
        if entry.command.flags.has(Flags::SELECTS) && database != self.database {
            if matches!(self.backing, Backing::Gathered(_)) {
                return Err(Stop::Elsewhere(Place::Everywhere));
            }
            self.database = database;
        }
        Ok(())
    }

    fn run_admin(&mut self, run: crate::server::AdminRun, args: Args<'_>) -> Result<(), Stop> {
        let Some(host) = self.environment.host else {
            return Err(Stop::error("ERR there is no server for this command"));
        };
        if matches!(self.backing, Backing::Gathered(_)) {
            // It may wait for the threads that serve clients.
            return Err(Stop::Elsewhere(Place::Everywhere));
        }
        let session = self.session(host).clone();
        let mut context = AdminContext {
            session: &session,
            server: host.server(),
            reply: &mut self.reply,
            now_us: host.now_us(),
        };
        run(&mut context, args)
    }
}
