//! What commands about the server ask of it: implemented by the shell, and by a small stand-in in tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::acl::Access;
use crate::commands::RunResult;
use crate::commands::args::Args;
use crate::config::{Config, Extent, Id, SetError};
use crate::encoding::meta::Type;
use crate::info::{Numbers, Sections, Statistics};
use crate::rdb::Digest;
use crate::replication::failover;
use crate::replication::master::Replica;
use crate::replication::verify::bisect::{Answer, Question};
use crate::replication::verify::{Key, Status, Target};
use crate::replication::{MasterLink, ReplicationId};
use crate::resp::Reply;
use crate::session::Session;
use crate::slowlog::SlowLog;

mod messages;
mod migration;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod stand_in;

pub use messages::Messages;
pub use migration::{Credentials, Migration, Moved};

/// What a server answers that cannot tell what was written.
const NO_REFETCH: &str = "NOREFETCH this server keeps no log";
/// What is answered about a checkpoint that is not kept any more.
pub const NO_CHECKPOINT: &str = "NOCHECKPOINT there is no checkpoint of this name, or no longer";

/// What a server answers that cannot compare.
const NO_VERIFY: &str = "this server cannot compare its data";

/// See the module's documentation. Its first part is for any thread at any time: those methods answer at once,
/// from memory. Its second part is called by the admin actor only, one command at a time, and may wait.
pub trait Server {
    /// What does not change while the process runs.
    fn identity(&self) -> &Identity;

    /// The options as they are now.
    fn config(&self) -> Arc<Config>;

    /// All connected clients, by id. What it says of the client that asks may be older than what the client's
    /// own [`Session`] says, which is preferred.
    fn clients(&self) -> Vec<ClientFacts>;

    /// One of the clients.
    fn client(&self, id: u64) -> Option<ClientFacts> {
        self.clients().into_iter().find(|facts| facts.session.id == id)
    }

    /// Users, and what was refused to them.
    fn access(&self) -> &Access;

    /// Fills a buffer with bytes that nobody can guess.
    fn fill_random(&self, buffer: &mut [u8]);

    /// Pub/sub, MONITOR, the tracking of keys.
    fn messages(&self) -> &dyn Messages;

    /// Closes another client's connection. Returns whether there was such a client.
    fn kill_client(&self, id: u64) -> bool;

    /// CLIENT PAUSE as it is now; one whose end has passed counts as none.
    fn pause(&self) -> Option<Pause>;

    /// Pauses clients, or with `None` lets them go on.
    fn set_pause(&self, pause: Option<Pause>);

    /// Lets a client go on that waits for a key. Returns whether it did wait.
    fn unblock(&self, id: u64, how: Unblock) -> bool;

    /// Offset of the end of the log, as replication counts it.
    fn log_offset(&self) -> u64;

    /// Offset up to which the log is on disk.
    fn synced_offset(&self) -> u64 {
        self.log_offset()
    }

    /// The slaves of this server, in the order of their clients' ids.
    fn replicas(&self) -> Vec<Replica> {
        Vec::new()
    }

    /// Whether slaves can be served now; the error that they get if not.
    fn may_serve_replicas(&self) -> Result<(), &'static str> {
        Ok(())
    }

    /// A slave, by the id of its client, has run the stream up to an offset, and has it on disk up to another.
    fn acknowledge(&self, _id: u64, _offset: u64, _durable: Option<u64>) {}

    /// Has slaves, if there are any, run a command that changes no key, behind all that its client wrote before: a
    /// message. On a slave nothing happens.
    fn tell_replicas(&self, _database: usize, _words: &[&[u8]]) {}

    /// Which history of writes the data is of: `master_replid`.
    fn replication_id(&self) -> ReplicationId {
        ReplicationId::NONE
    }

    /// What FAILOVER is at, as INFO calls it.
    fn failover_state(&self) -> &'static str {
        failover::IDLE
    }

    /// How many slaves have acknowledged an offset; to be on disk, if `durable`.
    fn acknowledged(&self, _offset: u64, _durable: bool) -> i64 {
        0
    }

    /// The link to the master; `None`: this is a master.
    fn master_link(&self) -> Option<MasterLink>;

    /// Stops the scripts (or the functions) that have run too long.
    fn kill_script(&self, _functions: bool) -> Kill {
        Kill::NotBusy
    }

    /// The script that has run too long, and longest.
    fn running_script(&self) -> Option<RunningScript> {
        None
    }

    /// How many libraries of functions, and functions, there are.
    fn function_counts(&self) -> (usize, usize) {
        (0, 0)
    }

    /// The slow log. Held only as long as it takes to read or to add an entry.
    fn slow_log(&self) -> &Mutex<SlowLog>;

    /// When the last backup was made that ended well, Unix time in seconds; at first the time of the start.
    fn last_save_s(&self) -> u64;

    /// Stops a shutdown that waits. Returns whether one did.
    fn abort_shutdown(&self) -> bool;

    // What follows may wait, and is called by the admin actor only.

    /// What INFO shows. Only what the wanted sections need has to be gathered; the rest may stay as it is in
    /// [`Numbers::default`].
    fn numbers(&self, wanted: &Sections) -> Numbers;

    /// How often and how long commands ran, over all threads: for LATENCY HISTOGRAM.
    fn statistics(&self) -> Statistics;

    /// Forgets what CONFIG RESETSTAT forgets: counters of commands, errors, connections, hits, bytes.
    fn reset_statistics(&self);

    /// Replaces the options and puts to use those that `changed`; none of them, on an error.
    fn set_config(&self, config: Config, changed: &[Id]) -> Result<(), SetError>;

    /// Writes the options into the configuration file. An error is shown behind `ERR Rewriting config file: `, or what
    /// else the command says.
    fn rewrite_config(&self, extent: Extent) -> Result<(), String>;

    /// The text of the file of users (`aclfile`). An error says what the system says.
    fn read_users(&self) -> Result<Vec<u8>, String>;

    /// Replaces the file of users, all of it or nothing, and returns when that is on disk.
    fn write_users(&self, text: &[u8]) -> Result<(), String>;

    /// Makes this a slave of a server, or with `None` a master. Returns when it is one; whether it was not before.
    fn follow(&self, master: Option<(String, u16)>) -> Result<bool, String>;

    /// Begins to hand this master's role to one of its slaves; see [`failover`]. An error is the whole text that the
    /// client gets.
    fn fail_over(&self, request: &failover::Request) -> Result<(), String>;

    /// Gives up a failover that is under way. Returns whether one was.
    fn abort_failover(&self) -> bool;

    /// Makes a backup, and returns when it is whole. An error is shown behind `ERR `.
    fn save(&self) -> Result<(), String>;

    /// Begins to make a backup.
    fn start_backup(&self) -> Result<Backup, String>;

    /// Removes backups that are not in use, and says how many.
    fn delete_backups(&self) -> Result<u64, String>;

    /// Ends the process. On success the client gets no answer.
    fn shutdown(&self, request: Shutdown) -> Result<(), String>;

    /// Begins to compact, or does so at once; [`Numbers`] show how far it is.
    fn compact(&self, request: &Compact) -> Result<(), String>;

    /// Removes segments of the log before the one that holds `offset`, and says how many.
    fn purge_log(&self, offset: u64) -> Result<u64, String>;

    /// Moves or copies keys of a client's database to another server (MIGRATE). An error is the whole text that the client
    /// gets. For a thread of its own: it waits for the other server.
    fn migrate(&self, session: &Session, migration: &Migration) -> Result<Moved, String>;

    /// CHECKPOINT LIST: the files of a checkpoint that is kept for slaves, as [`crate::replication::files::List`]
    /// writes them. An error is the whole text that the client gets.
    fn checkpoint_list(&self, _name: &str) -> Result<Vec<u8>, String> {
        Err(NO_CHECKPOINT.into())
    }

    /// CHECKPOINT READ: up to `length` bytes of a file of a checkpoint, from `offset` on; none behind its end. It may
    /// be fewer, and take a while: `full-sync-rate-limit`. An error is the whole text that the client gets.
    fn checkpoint_read(
        &self,
        _name: &str,
        _file: &str,
        _offset: u64,
        _length: u64,
    ) -> Result<Vec<u8>, String> {
        Err(NO_CHECKPOINT.into())
    }

    /// VERIFY START: begins to compare this server's data with another's, with the master's if none is named; and with
    /// `repair`, to have the master send again what differs. An error is shown behind `ERR `.
    fn verify(&self, _target: Option<Target>, _repair: bool) -> Result<(), String> {
        Err(NO_VERIFY.into())
    }

    /// VERIFY STOP: whether a comparison was under way.
    fn stop_verifying(&self) -> bool {
        false
    }

    /// VERIFY STATUS, and for INFO.
    fn verify_status(&self) -> Status {
        Status::default()
    }

    /// VERIFY OPEN: keeps a moment of all data, for another server that compares.
    fn open_moment(&self) -> Result<Moment, String> {
        Err(NO_VERIFY.into())
    }

    /// VERIFY SUMS and NAMES, of a moment that is kept.
    fn ask_moment(&self, _name: &str, _question: Question) -> Result<Answer, String> {
        Err(NO_VERIFY.into())
    }

    /// VERIFY LOOK: hashes of single keys of a moment, `None` for those that are not there.
    fn look_at_moment(&self, _name: &str, _keys: Vec<Key>) -> Result<Vec<Option<u128>>, String> {
        Err(NO_VERIFY.into())
    }

    /// REFETCH OPEN: keeps a moment of all data for a slave whose data was this server's at `offset` of the history `id`,
    /// and tells which keys this server can have written since. An error is the whole text that the client gets.
    fn open_refetch(&self, _id: ReplicationId, _offset: u64) -> Result<Refetch, String> {
        Err(NO_REFETCH.into())
    }

    /// REFETCH READ: values of keys at such a moment, as DUMP has them, and when they expire (Unix time in ms); `None`
    /// for those that are not there. Only of the first of `keys`, if they are big; of one at least. An error is the whole
    /// text that the client gets.
    fn read_refetch(&self, _moment: &str, _keys: Vec<Key>) -> Result<Vec<Dumped>, String> {
        Err(NO_REFETCH.into())
    }

    /// VERIFY CLOSE and REFETCH CLOSE: whether there was such a moment.
    fn close_moment(&self, _name: &str) -> bool {
        false
    }

    /// DEBUG RELOAD: writes everything behind, flushes it, and drops all caches.
    fn reload(&self) -> Result<(), String>;

    /// DEBUG DIGEST: Redis's digest of all data. For a thread of its own: it reads everything.
    fn digest(&self) -> Result<Digest, String>;

    /// DEBUG POPULATE: adds those of `count` keys that are not there, to the client's database. They are named
    /// `prefix:0` and so on, and their values `value:0` and so on, of `size` bytes if that is given: cut, or filled up
    /// with zero bytes. An error is the whole text that the client gets. For a thread of its own.
    fn populate(
        &self,
        session: &Session,
        count: u64,
        prefix: &[u8],
        size: Option<usize>,
    ) -> Result<(), String>;

    /// DEBUG SET-ACTIVE-EXPIRE: whether expired keys are removed before someone asks for them.
    fn set_active_expire(&self, on: bool);

    /// DEBUG CHANGE-REPL-ID: begins a new replication history.
    fn change_replication_id(&self);

    /// Lets the calling thread sleep.
    fn sleep(&self, time: Duration);

    /// MEMORY PURGE: gives memory back to the system.
    fn purge_memory(&self) -> Result<(), String>;

    /// MEMORY MALLOC-STATS: the allocator's own report.
    fn malloc_stats(&self) -> String;
}

/// A key's value as DUMP has it, and when it expires (Unix time in ms); `None`: it is not there.
pub type Dumped = Option<(Vec<u8>, Option<u64>)>;

/// A moment of all data that is kept for a slave that fetches again what differs (REFETCH OPEN).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refetch {
    /// What it is called: 16 hexadecimal digits.
    pub moment: String,
    /// The history that its offset is of.
    pub id: ReplicationId,
    /// The offset that the data is of.
    pub offset: u64,
    /// The database that the stream has selected there.
    pub database: u16,
    /// The keys that can have been written since the offset that was asked about, in order.
    pub keys: Vec<Key>,
}

/// A moment of all data that is kept for another server that compares (VERIFY OPEN).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// What it is called: 16 hexadecimal digits.
    pub name: String,
    /// The history that its offset is of.
    pub id: ReplicationId,
    /// The offset that the data is of.
    pub offset: u64,
    /// How many databases there are.
    pub databases: usize,
    /// A hash of the libraries of functions.
    pub functions: u128,
}

/// What does not change while the process runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Version of this program, as `pika_version`.
    pub version: String,
    /// Commit that it was built from.
    pub git_sha: String,
    /// Whether there were uncommitted changes.
    pub git_dirty: bool,
    /// Forty hexadecimal digits, new at each start.
    pub run_id: String,
    /// Process id.
    pub process_id: u32,
    /// The operating system, as `uname -srm`.
    pub os: String,
    /// Path of the program.
    pub executable: String,
    /// Path of the configuration, empty if there is none.
    pub config_file: String,
    /// When it started, Unix time in ms.
    pub started_ms: u64,
    /// How many partitions the keyspace has.
    pub partitions: usize,
}

/// What is known about a client beside its [`Session`].
#[derive(Debug, Clone)]
pub struct ClientFacts {
    /// Its session, as of its last command.
    pub session: Session,
    /// File descriptor of its socket.
    pub fd: i64,
    /// Bytes read but not parsed yet.
    pub query_buffer: usize,
    /// Free bytes of that buffer.
    pub query_buffer_free: usize,
    /// Bytes of replies that wait to be written.
    pub output_buffer: usize,
    /// Size of the buffer for replies.
    pub output_capacity: usize,
    /// Bytes that it takes in all; 0: not known.
    pub memory: usize,
    /// Bytes of the arguments of commands that wait or run.
    pub arguments: usize,
    /// Whether it waits for a key.
    pub blocked: bool,
    /// Whether a key that it watches changed.
    pub dirty: bool,
    /// How many commands wait for EXEC; `None`: it is in no transaction.
    pub queued: Option<usize>,
    /// Whether its invalidations go to a client that is gone.
    pub broken_redirection: bool,
}

impl ClientFacts {
    /// A client of which nothing but its session is known.
    pub fn new(session: Session) -> ClientFacts {
        ClientFacts {
            session,
            fd: -1,
            query_buffer: 0,
            query_buffer_free: 0,
            output_buffer: 0,
            output_capacity: 0,
            memory: 0,
            arguments: 0,
            blocked: false,
            dirty: false,
            queued: None,
            broken_redirection: false,
        }
    }
}

/// What came of SCRIPT KILL or FUNCTION KILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// It ends.
    Done,
    /// None has run for so long.
    NotBusy,
    /// It has written.
    Wrote,
    /// What runs is of the other kind.
    Other,
}

/// A script that has run too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningScript {
    /// Its name: the function's, or the digest.
    pub name: String,
    /// The command that began it.
    pub words: Vec<Vec<u8>>,
    /// For how long it has run, ms.
    pub duration_ms: u64,
}

/// What CLIENT PAUSE asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Until when, Unix time in ms.
    pub until_ms: u64,
    /// Only writes wait; else all commands.
    pub writes_only: bool,
}

/// How CLIENT UNBLOCK lets a client go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unblock {
    /// As if its time was over.
    Timeout,
    /// With the error `UNBLOCKED`.
    Error,
    /// With the error that says that this is a slave now.
    Demoted,
}

impl Unblock {
    /// The error that the client gets; `None`: the reply of a command whose time is over.
    pub fn error(self) -> Option<&'static str> {
        match self {
            Unblock::Timeout => None,
            Unblock::Error => Some("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
            Unblock::Demoted => Some(
                "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
            ),
        }
    }
}

/// What came of BGSAVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// A backup began.
    Started,
    /// One is being made already.
    Running,
}

/// What SHUTDOWN asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shutdown {
    /// SAVE or NOSAVE; `None` if neither was said. What was written is on disk in any case.
    pub save: Option<bool>,
    /// Waits for no slave.
    pub now: bool,
    /// Goes on when something cannot be saved.
    pub force: bool,
}

/// What COMPACT or COMPACTRANGE asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compact {
    /// These databases; all, if none is named.
    pub databases: Vec<usize>,
    /// Only keys of these types; of all, if none is named.
    pub types: Vec<Type>,
    /// Only keys from the first to the second, both included.
    pub range: Option<(Vec<u8>, Vec<u8>)>,
}

/// A command that runs in its client's connection, at once, without waiting for anything.
pub type SessionRun = fn(&mut SessionContext<'_>, Args<'_>) -> RunResult;

/// A command that the admin actor runs; it may wait.
pub type AdminRun = fn(&mut AdminContext<'_>, Args<'_>) -> RunResult;

/// What a [`SessionRun`] works with. A command may change the client's protocol: the reply follows
/// ([`Reply::set_protocol`]).
pub struct SessionContext<'a> {
    /// The client.
    pub session: &'a mut Session,
    /// The server.
    pub server: &'a dyn Server,
    /// Where the answer goes.
    pub reply: &'a mut Reply,
    /// "Now", Unix time in microseconds.
    pub now_us: u64,
    /// It is one of the commands of EXEC.
    pub atomic: bool,
    /// What it publishes is kept here until the script that it is of has ended; `None`: it is sent at once.
    pub later: Option<&'a mut Vec<Later>>,
}

/// A message that is published later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// The kind of channel.
    pub kind: crate::pubsub::Kind,
    /// The channel.
    pub channel: Vec<u8>,
    /// The message.
    pub message: Vec<u8>,
}

/// What an [`AdminRun`] works with.
pub struct AdminContext<'a> {
    /// The client, as it was when it sent the command.
    pub session: &'a Session,
    /// The server.
    pub server: &'a dyn Server,
    /// Where the answer goes; it stays empty if the client is to get none (SHUTDOWN).
    pub reply: &'a mut Reply,
    /// "Now", Unix time in microseconds.
    pub now_us: u64,
}

impl SessionContext<'_> {
    /// "Now", Unix time in ms.
    pub fn now_ms(&self) -> u64 {
        self.now_us / 1000
    }
}

impl AdminContext<'_> {
    /// "Now", Unix time in ms.
    pub fn now_ms(&self) -> u64 {
        self.now_us / 1000
    }
}
