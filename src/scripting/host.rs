//! What a script asks of whoever runs it. Without a host (replay, tests of the core) it gets defaults.

use std::fmt;
use std::sync::Arc;

use crate::commands::Args;
use crate::commands::table::Entry;
use crate::server::Server;
use crate::session::Session;

/// Whoever runs a script of a client. All methods answer at once.
pub trait Host: fmt::Debug {
    /// The server, for commands that are not about keys.
    fn server(&self) -> &dyn Server;

    /// The client that runs the script.
    fn session(&self) -> Session;

    /// "Now", Unix time in microseconds.
    fn now_us(&self) -> u64;

    /// What a script may do at this moment.
    fn standing(&self) -> Standing;

    /// A script begins that may take its time. What it is told then ends when the control is dropped.
    fn begin(&self, running: Running<'_>) -> Arc<dyn Control>;

    /// A script begins on a thread that serves clients. The control says when it has taken too long there: it is run
    /// again where it may take its time.
    fn begin_in_place(&self) -> Option<Arc<dyn Control>>;

    /// A command is about to read keys that the client may want to track.
    fn will_read(&self, entry: &Entry, args: Args<'_>);

    /// A command of a script ran, or was refused.
    fn ran(&self, call: Call);

    /// The error that the script ended with was counted already, when one of its commands answered it.
    fn counted(&self);

    /// Whether somebody wants [`Host::show`].
    fn is_monitored(&self) -> bool;

    /// A command of a script, for MONITOR.
    fn show(&self, database: usize, entry: &Entry, args: Args<'_>);

    /// A line for the operator, of one of Redis's levels: 0 debug, 1 verbose, 2 notice, 3 warning.
    fn log(&self, level: u8, text: &[u8]);
}

/// A script that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// The function's name; of a script its digest.
    pub name: &'a str,
    /// It is a function.
    pub is_function: bool,
    /// The command that began it.
    pub args: Args<'a>,
}

/// Watches over one script, and may stop it. Asked every few thousand instructions.
pub trait Control: fmt::Debug + Send + Sync {
    /// Whether it may go on.
    fn may_go_on(&self) -> bool;

    /// Asked before each command that writes: false if somebody stopped the script. Once this was true, nobody can.
    fn may_write(&self) -> bool;
}

/// What a script may do at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// This is a slave that may not be written.
    pub read_only: bool,
    /// This is a slave whose data is stale, and is not to be shown.
    pub stale: bool,
    /// There are fewer good slaves than writes need.
    pub few_replicas: bool,
    /// There is no room for more data.
    pub full: bool,
}

/// What came of one command of a script, for statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// [`Entry::id`].
    pub id: usize,
    /// How long it took, ns.
    pub nanos: u64,
    /// Whether it ran at all.
    pub ran: bool,
    /// The error that it answered, with its mark.
    pub error: Option<Vec<u8>>,
}
