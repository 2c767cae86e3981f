//! What commands about the server ask of it: implemented by the shell, and by a small stand-in in tests.

use crate::commands::RunResult;
use crate::commands::args::Args;
use crate::resp::Reply;
use crate::session::Session;

/// See the module's documentation.
pub trait Server {}

/// A command that runs in its client's connection, at once, without waiting for anything.
pub type SessionRun = fn(&mut SessionContext<'_>, Args<'_>) -> RunResult;

/// A command that the admin actor runs; it may wait.
pub type AdminRun = fn(&mut AdminContext<'_>, Args<'_>) -> RunResult;

/// What a [`SessionRun`] works with.
pub struct SessionContext<'a> {
    /// The client.
    pub session: &'a mut Session,
    /// The server.
    pub server: &'a dyn Server,
    /// Where the answer goes.
    pub reply: &'a mut Reply,
    /// "Now", Unix time in ms.
    pub now_ms: u64,
}

/// What an [`AdminRun`] works with.
pub struct AdminContext<'a> {
    /// The client, as it was when it sent the command.
    pub session: &'a Session,
    /// The server.
    pub server: &'a dyn Server,
    /// Where the answer goes.
    pub reply: &'a mut Reply,
    /// "Now", Unix time in ms.
    pub now_ms: u64,
}
