//! Runs one command on keys, from its words to its commit.

use std::sync::Arc;

use super::{Args, Command, Context, Flags, KeyRun, Run, Settings};
use crate::acl::User;
use crate::engine::EngineError;
use crate::keyspace::transaction::{Block, Committed, Need, Place, Reach, Source, Stop, Transaction};
use crate::keyspace::watch::Watch;
use crate::resp::Reply;
use crate::scripting::{self, Host};

/// What a command runs against, beside the keyspace.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    /// "Now", Unix time in ms.
    pub now_ms: u64,
    /// Options.
    pub settings: &'a Settings,
    /// The client's database.
    pub database: usize,
    /// One of several commands that happen together (EXEC): it does not block, and writes nothing blindly.
    pub atomic: bool,
    /// What the client watches; WATCH adds to it.
    pub watch: Option<&'a Arc<Watch>>,
    /// What is due stays where it is, hidden (CLIENT PAUSE).
    pub keeps_due: bool,
    /// Reading a key leaves its time of last use as it was (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// The client's user, if it may not do everything.
    pub user: Option<&'a User>,
    /// Whoever runs scripts, if there is anyone.
    pub host: Option<&'a dyn Host>,
    /// A script calls the command.
    pub scripted: bool,
}

impl<'a> Environment<'a> {
    /// Of a command of no client, alone.
    pub fn of_nobody(now_ms: u64, settings: &'a Settings, database: usize) -> Environment<'a> {
        let (atomic, watch, keeps_due, no_touch) = (false, None, false, false);
        Environment {
            now_ms,
            settings,
            database,
            atomic,
            watch,
            keeps_due,
            no_touch,
            user: None,
            host: None,
            scripted: false,
        }
    }
}

/// Why a command has no reply yet.
#[derive(Debug)]
pub enum Halt {
    /// Meet these needs and run it again.
    Need(Vec<Need>),
    /// Let blind writes settle and run it again.
    Settle,
    /// There is nothing to take yet: see [`Stop::Block`].
    Block(Box<Block>),
    /// It has to run elsewhere; see [`Stop::Elsewhere`].
    Elsewhere(Place),
    /// The engine failed: the process ends.
    Engine(EngineError),
}

/// Runs a command and commits it. The reply (an error as well) is in `reply`, or nothing is and the command has
/// to wait. The caller checked name and arity.
pub fn execute(
    command: &'static Command,
    args: Args<'_>,
    source: Source<'_>,
    reach: Reach,
    environment: Environment<'_>,
    reply: &mut Reply,
) -> Result<Committed, Halt> {
    if let Run::Script(invocation) = command.run {
        return scripting::run::run(invocation, args, source, reach, environment, reply);
    }
    let Some(run) = key_run(command) else {
        reply.error("ERR this command does not run on keys");
        return Ok(Committed { group: 0, wrote: false, barrier: false });
    };
    let start = reply.len();
    let Environment { settings, watch, user, scripted, .. } = environment;
    // A transaction is a big thing to move: it is made where it stays.
    let txn = Transaction::new(source, reach, environment.now_ms, environment.database);
    let mut context = Context { txn, reply, settings, watch, user, scripted };
    let txn = &mut context.txn;
    txn.want_events(environment.settings.events);
    txn.set_atomic(environment.atomic);
    txn.keep_due(environment.keeps_due);
    let untouched = environment.no_touch && !command.is_write() && !command.flags.has(Flags::TOUCHES);
    let used: Vec<_> = match untouched {
        true => command.keys_of(args).filter_map(|key| Some((key, txn.peek_used_s(key)?))).collect(),
        false => Vec::new(),
    };
    let stop = match run(&mut context, args) {
        Ok(()) => {
            used.iter().for_each(|(key, used_s)| context.txn.restore_used_s(key, *used_s));
            // The log has true names, whatever a client calls its commands.
            let name = super::renamed::true_name(args.word(0));
            let words = args.words().enumerate().map(|(index, word)| if index == 0 { name } else { word });
            return Ok(context.txn.commit(words));
        }
        Err(stop) => stop,
    };
    context.reply.truncate(start);
    match stop {
        Stop::Error(text) => {
            context.reply.error(&text);
            Ok(Committed { group: context.txn.abandon(), wrote: false, barrier: false })
        }
        Stop::Need(needs) => Err(Halt::Need(all_needs(needs, command, args, &mut context.txn))),
        Stop::Settle => Err(Halt::Settle),
        Stop::Block(block) if environment.atomic => {
            block.otherwise.write_at_once(context.reply);
            Ok(Committed { group: context.txn.abandon(), wrote: false, barrier: false })
        }
        Stop::Block(block) => {
            context.txn.abandon();
            Err(Halt::Block(block))
        }
        Stop::Elsewhere(place) => Err(Halt::Elsewhere(place)),
        Stop::Engine(error) => Err(Halt::Engine(error)),
    }
}

/// Which of a command's keys are not in memory: what to have read before a transaction begins.
pub fn missing(
    command: &Command,
    args: Args<'_>,
    source: Source<'_>,
    environment: Environment<'_>,
) -> Result<Vec<Need>, EngineError> {
    let mut txn = Transaction::new(source, Reach::SERVING, environment.now_ms, environment.database);
    match txn.prefetch(command.keys_of(args)) {
        Err(Stop::Need(needs)) => Ok(needs),
        Err(Stop::Engine(error)) => Err(error),
        _ => Ok(Vec::new()),
    }
}

/// The function behind a command on keys.
pub fn key_run(command: &Command) -> Option<KeyRun> {
    match command.run {
        Run::Keys(run) | Run::Watch(run) | Run::All(run) | Run::Cursor(_, run) => Some(run),
        Run::Script(_) | Run::Session(_) | Run::Queue(_) | Run::Admin(_) | Run::Apart(_) | Run::Container => {
            None
        }
    }
}

/// A command that misses one of its keys will miss others: all are asked for at once.
pub(crate) fn all_needs(
    needs: Vec<Need>,
    command: &Command,
    args: Args<'_>,
    txn: &mut Transaction<'_>,
) -> Vec<Need> {
    let single = matches!(needs.as_slice(), [Need::Key(crate::engine::Family::Meta, _)]);
    if !single {
        return needs;
    }
    match txn.prefetch(command.keys_of(args)) {
        Err(Stop::Need(all)) if !all.is_empty() => all,
        _ => needs,
    }
}
