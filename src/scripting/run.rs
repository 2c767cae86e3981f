//! EVAL, EVALSHA, FCALL: from their words to their commit.
//!
//! A script first runs in place, on a thread that serves clients: all its commands in one transaction, within a budget
//! of instructions. What it cannot have there ends the run, nothing has happened, and it is run again: with what it
//! needed from disk; on a thread that may wait, over the same partition, without a budget; or over all partitions. Where
//! all partitions are at hand, nothing can hold it up: there its commands are committed one by one, as one record of the
//! log.

use mlua::Value;

use super::calls::{Backing, Calls};
use super::convert;
use super::host::{Call, Host, Running, Standing};
use super::interpreter::{self, Body, Bounds, GivenUp, Interpreter, Unbounded, error_text};
use super::shebang::ScriptFlags;
use super::{Cache, cache, shebang};
use crate::commands::execute::{Environment, Halt};
use crate::commands::pubsub;
use crate::commands::table::Entry;
use crate::commands::{Args, Context};
use crate::engine::Tier;
use crate::keyspace::partition::{Partition, Shared};
use crate::keyspace::table::Group;
use crate::keyspace::transaction::{Committed, Place, Reach, Source, Transaction};
use crate::number::parse_i64;
use crate::resp::{Protocol, Reply};
use crate::server::Later;

/// Instructions that a script may take on a thread that serves clients; each command counts as some of them.
const BUDGET: i64 = 200_000;

const NO_SCRIPT: &str = "NOSCRIPT No matching script. Please use EVAL.";
const NO_FUNCTION: &str = "ERR Function not found";

/// What a command runs: a script by its text or its digest, or a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invocation {
    /// Where its body is found.
    pub target: Target,
    /// It may not write.
    pub read_only: bool,
}

/// Where the body of a script is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The word is its text.
    Text,
    /// The word is its digest.
    Digest,
    /// The word names a function.
    Function,
}

impl Invocation {
    /// Whether what it would run says of itself that it writes nothing.
    pub fn says_no_writes(self, args: Args<'_>, shared: &Shared) -> bool {
        let of_text = |text: &[u8]| shebang::of_script(text).ok().and_then(|(flags, _)| flags);
        let flags = match self.target {
            Target::Text => of_text(args.word(1)),
            Target::Digest => cache::parse_digest(args.word(1))
                .and_then(|digest| shared.scripts.get(&digest))
                .and_then(|text| of_text(&text)),
            Target::Function => {
                let registry = shared.functions();
                registry.function(args.word(1)).map(|(library, place)| library.functions[*place].flags)
            }
        };
        flags.is_some_and(|flags| flags.has(ScriptFlags::NO_WRITES))
    }
}

/// A body and what is known of it.
struct Found {
    body: Body,
    /// The function's name.
    function: String,
    flags: Option<ScriptFlags>,
}

impl Found {
    /// The function's name, or the script's digest.
    fn name(&self) -> std::borrow::Cow<'_, str> {
        match &self.body {
            Body::Script(script) => String::from_utf8_lossy(&script.digest),
            Body::Function(_) => self.function.as_str().into(),
        }
    }
}

/// Runs it and commits it; see [`crate::commands::execute::execute`].
///
/// # Errors
/// [`Halt::Elsewhere`], and those of its commands.
pub fn run(
    invocation: Invocation,
    args: Args<'_>,
    source: Source<'_>,
    reach: Reach,
    environment: Environment<'_>,
    reply: &mut Reply,
) -> Result<Committed, Halt> {
    let nothing = Committed { group: 0, wrote: false, barrier: false };
    let shared = match &source {
        Source::One(partition) => partition.shared.clone(),
        Source::All(partitions) => partitions[0].shared.clone(),
        Source::View(_) => return Err(Halt::Elsewhere(Place::Alone)),
    };
    // What cannot be a digest, or names no function, is said before the number of keys is looked at.
    let unknown = match invocation.target {
        Target::Text => None,
        Target::Digest => cache::parse_digest(args.word(1)).is_none().then_some(NO_SCRIPT),
        Target::Function => shared.functions().function(args.word(1)).is_none().then_some(NO_FUNCTION),
    };
    if let Some(text) = unknown {
        reply.error(text);
        return Ok(nothing);
    }
    let keys = match key_count(args, invocation.target) {
        Ok(keys) => keys,
        Err(text) => {
            reply.error(text);
            return Ok(nothing);
        }
    };
    interpreter::with(|interpreter| {
        let found = match find(interpreter, &shared, invocation.target, args.word(1)) {
            Ok(found) => found,
            Err(text) => {
                reply.error(text);
                return Ok(nothing);
            }
        };
        let standing = environment.host.map(Host::standing).unwrap_or_default();
        if let Some(text) = refusal(&found, invocation, standing) {
            reply.error(text);
            return Ok(nothing);
        }
        let invoked = Invoked { interpreter, found: &found, invocation, args, keys, standing };
        let everything = match &source {
            Source::One(partition) => partition.partitions == 1,
            Source::All(_) | Source::View(_) => true,
        };
        match everything && reach.tier == Tier::Disk {
            true => invoked.run_committed(source, environment, reply),
            false => invoked.run_gathered(source, reach, environment, reply),
        }
    })
}

/// How many of the words behind the second are keys.
fn key_count(args: Args<'_>, target: Target) -> Result<usize, &'static str> {
    let Some(count) = parse_i64(args.word(2)) else {
        return Err(match target {
            Target::Function => "ERR Bad number of keys provided",
            Target::Text | Target::Digest => "ERR value is not an integer or out of range",
        });
    };
    if count > args.len() as i64 - 3 {
        return Err("ERR Number of keys can't be greater than number of args");
    }
    usize::try_from(count).map_err(|_| "ERR Number of keys can't be negative")
}

fn find(interpreter: &Interpreter, shared: &Shared, target: Target, word: &[u8]) -> Result<Found, Vec<u8>> {
    let scripts: &Cache = &shared.scripts;
    let script = match target {
        Target::Text => interpreter.script(scripts, word, false)?,
        Target::Digest => {
            let digest = cache::parse_digest(word);
            let script =
                digest.map(|digest| interpreter.known_script(scripts, &digest)).transpose()?.flatten();
            script.ok_or_else(|| NO_SCRIPT.as_bytes().to_vec())?
        }
        Target::Function => {
            let registry = shared.functions();
            let (library, place) = registry.function(word).ok_or_else(|| NO_FUNCTION.as_bytes().to_vec())?;
            let function = &library.functions[*place];
            let body = Body::Function(interpreter.function(library, &function.name)?);
            return Ok(Found { body, function: function.name.clone(), flags: Some(function.flags) });
        }
    };
    Ok(Found { flags: script.flags, body: Body::Script(script), function: String::new() })
}

/// Why a script that says what it does may not begin.
fn refusal(found: &Found, invocation: Invocation, standing: Standing) -> Option<&'static str> {
    const STALE: &str = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    let Some(flags) = found.flags else { return standing.stale.then_some(STALE) };
    if standing.stale && !flags.has(ScriptFlags::ALLOW_STALE) {
        return Some(STALE);
    }
    let writes = !flags.has(ScriptFlags::NO_WRITES);
    if writes && invocation.read_only {
        return Some("ERR Can not execute a script with write flag using *_ro command.");
    }
    if writes && standing.read_only {
        return Some("READONLY You can't write against a read only replica.");
    }
    if writes && standing.few_replicas {
        return Some("NOREPLICAS Not enough good replicas to write.");
    }
    if writes && standing.full && !flags.has(ScriptFlags::ALLOW_OOM) {
        return Some(
            "OOM allow-oom flag is not set on the script, can not run it when the disk has less room than \
             'disk-reserve'",
        );
    }
    None
}

/// A script about to run.
struct Invoked<'a> {
    interpreter: &'a Interpreter,
    found: &'a Found,
    invocation: Invocation,
    args: Args<'a>,
    keys: usize,
    standing: Standing,
}

/// How a run ended.
struct Ended {
    halt: Option<Halt>,
    wrote: bool,
    group: Group,
}

impl Invoked<'_> {
    fn run_gathered(
        &self,
        source: Source<'_>,
        reach: Reach,
        environment: Environment<'_>,
        reply: &mut Reply,
    ) -> Result<Committed, Halt> {
        let start = reply.len();
        let mut txn = Transaction::new(source, reach, environment.now_ms, environment.database);
        txn.want_events(environment.settings.events);
        txn.set_atomic(environment.atomic);
        txn.keep_due(environment.keeps_due);
        let mut scratch = Reply::new(Protocol::Resp2);
        let context = Box::new(Context {
            txn,
            reply: &mut scratch,
            settings: environment.settings,
            watch: None,
            user: environment.user,
            scripted: true,
        });
        let in_place = reach.tier == Tier::Memory;
        let (ended, backing) = self.run(Backing::Gathered(context), environment, in_place, reply);
        let Backing::Gathered(context) = backing else {
            return Ok(Committed { group: 0, wrote: false, barrier: false });
        };
        if let Some(halt) = ended.halt {
            reply.truncate(start);
            return Err(halt);
        }
        Ok(context.txn.commit(std::iter::empty()))
    }

    fn run_committed(
        &self,
        mut source: Source<'_>,
        environment: Environment<'_>,
        reply: &mut Reply,
    ) -> Result<Committed, Halt> {
        // Within EXEC, or what follows a master, the record is another's.
        let opens = !environment.atomic;
        if opens && let Some(first) = first_of(&mut source) {
            first.begin_atomic();
        }
        let barrier = matches!(source, Source::All(_));
        let (ended, backing) = self.run(Backing::Committed(source), environment, false, reply);
        if opens
            && let Backing::Committed(mut source) = backing
            && let Some(first) = first_of(&mut source)
        {
            first.end_atomic();
        }
        match ended.halt {
            Some(halt) => Err(halt),
            None => Ok(Committed { group: ended.group, wrote: ended.wrote, barrier }),
        }
    }

    fn run<'s, 'c>(
        &self,
        backing: Backing<'s, 'c>,
        environment: Environment<'_>,
        in_place: bool,
        reply: &mut Reply,
    ) -> (Ended, Backing<'s, 'c>) {
        let control = match environment.host {
            Some(host) if in_place => host.begin_in_place(),
            Some(host) => Some(host.begin(Running {
                name: &self.found.name(),
                is_function: self.invocation.target == Target::Function,
                args: self.args,
            })),
            _ => None,
        };
        let no_writes = self.found.flags.is_some_and(|flags| flags.has(ScriptFlags::NO_WRITES));
        let mut calls = Calls {
            backing,
            environment,
            limits: self.interpreter.limits.clone(),
            names: self.interpreter.names.clone(),
            standing: self.standing,
            control: control.clone().filter(|_| !in_place),
            flags: self.found.flags,
            read_only: self.invocation.read_only || no_writes,
            database: environment.database,
            session: None,
            halt: None,
            wrote: false,
            group: 0,
            calls: Vec::new(),
            later: Vec::new(),
            shown: Vec::new(),
            reply: Reply::new(Protocol::Resp2),
            frame: Vec::new(),
            ranges: Vec::new(),
        };
        let budget = if in_place { BUDGET } else { i64::MAX };
        let start = reply.len();
        let ran = self.interpreter.run(
            &self.found.body,
            &mut calls,
            (self.args.up_to(3 + self.keys).from(3), self.args.from(3 + self.keys)),
            Bounds { in_place, budget, control },
        );
        let names = &*self.interpreter.names;
        let _unbounded = Unbounded::new(&self.interpreter.lua, &self.interpreter.limits);
        let given_up = self.interpreter.limits.given_up();
        let resp3 = self.interpreter.limits.resp.get() == 3;
        let mut counted = false;
        match (given_up, ran) {
            // One that names no keys may need any.
            (Some(GivenUp::Budget), _) if self.keys == 0 => {
                calls.halt = Some(Halt::Elsewhere(Place::Everywhere));
            }
            (Some(GivenUp::Budget), _) => calls.halt = Some(Halt::Elsewhere(Place::Alone)),
            (Some(GivenUp::Call), _) => {}
            (Some(GivenUp::Killed), ran) => {
                let problem = ran.ok().map_or(Value::Nil, |(_, value)| value);
                let command = if self.invocation.target == Target::Function { "FUNCTION" } else { "SCRIPT" };
                let text = format!("ERR Error running script: Script killed by user with {command} KILL.");
                reply.error(self.described(text.into_bytes(), &problem));
            }
            (None, Ok((true, value))) => {
                counted = convert::is_counted(names, &value);
                if convert::to_reply(names, &value, reply, (resp3, 0)).is_err() {
                    reply.truncate(start);
                    reply.error("ERR not enough memory for the reply of a script");
                }
            }
            (None, Ok((false, problem))) => {
                counted = convert::is_counted(names, &problem);
                reply.error(self.described(error_text(&problem), &problem));
            }
            (None, Err(error)) => reply.error(format!("ERR {error}")),
        }
        let ended = Ended { halt: calls.halt.take(), wrote: calls.wrote, group: calls.group };
        if ended.halt.is_none()
            && let Some(host) = environment.host
        {
            self.tell(host, &mut calls, counted);
        }
        (ended, calls.backing)
    }

    /// An error with the script and the place that it is of.
    fn described(&self, mut text: Vec<u8>, problem: &Value) -> Vec<u8> {
        if let Value::Table(table) = problem
            && let (Ok(Value::String(source)), Ok(Some(line))) =
                (table.raw_get("source"), table.raw_get::<Option<i64>>("line"))
        {
            text.extend_from_slice(format!(" script: {}, on ", self.found.name()).as_bytes());
            text.extend_from_slice(&source.as_bytes());
            text.extend_from_slice(format!(":{line}.").as_bytes());
        }
        text
    }

    /// What happens once, when it is certain that the run counts.
    fn tell(&self, host: &dyn Host, calls: &mut Calls<'_, '_, '_>, counted: bool) {
        if !calls.later.is_empty() {
            let sender = calls.session.clone().unwrap_or_else(|| host.session());
            for Later { kind, channel, message } in calls.later.drain(..) {
                pubsub::deliver(host.server(), &sender, kind, &channel, &message);
            }
        }
        for (database, entry, words) in calls.shown.drain(..) {
            show(host, database, entry, &words);
        }
        calls.calls.drain(..).for_each(|call: Call| host.ran(call));
        for (level, line) in self.interpreter.limits.lines.borrow_mut().drain(..) {
            host.log(level, &line);
        }
        if counted {
            host.counted();
        }
    }
}

fn show(host: &dyn Host, database: usize, entry: &Entry, words: &[Vec<u8>]) {
    let (mut frame, mut ranges) = (Vec::new(), Vec::new());
    for word in words {
        let start = frame.len() as u32;
        frame.extend_from_slice(word);
        ranges.push((start, frame.len() as u32));
    }
    host.show(database, entry, Args::new(&frame, &ranges));
}

fn first_of<'p>(source: &'p mut Source<'_>) -> Option<&'p mut Partition> {
    match source {
        Source::One(partition) => Some(partition),
        Source::All(partitions) => partitions.first_mut().map(|partition| &mut **partition),
        Source::View(_) => None,
    }
}
