//! Every message that crosses an actor's border: the closed set.
//!
//! None is sent with actix's bounded `try_send`: what is in flight is bounded by its senders. A connection has
//! at most one [`Execute`] per partition under way and reads no further until it is answered; a partition has at
//! most [`crate::partition::HAND_OFFS`] hand-offs under way; the log's queue holds at most what all connections
//! may have under way.

use std::sync::mpsc;

use actix::{Addr, Message};
use pika_core::binlog::Record;
use pika_core::encoding::meta::Type;
use pika_core::engine::Family;
use pika_core::info::Statistics;
use pika_core::keyspace::counts::AllCounts;
use pika_core::keyspace::expiry::Due;
use pika_core::keyspace::namespace::Namespaces;
use pika_core::keyspace::partition::{Partition, Stats};
use pika_core::keyspace::table::Group;
use pika_core::keyspace::write_behind::Applied;
use pika_core::replication::master::Wait;
use pika_core::server::Unblock;
use pika_core::session::Session;

use crate::connection::Connection;
use crate::long_reply::Receiver;
use crate::work::{Blocked, Exclusive, Work};

/// Connection → partition on another arbiter: run these commands. Answered by [`Finished`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Execute(pub Box<Work>);

/// Partition → connection: the replies to what it sent.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Finished(pub Box<Work>);

/// Partition → itself: the tick is over, commit what it wrote.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Tick;

/// Binlog → partition: everything before this offset is in the log (synced, if `appendfsync` is `always`).
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Logged(pub u64);

/// Partition → binlog: append, then tell all partitions.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Append(pub Vec<Record>);

/// Write-behind thread → partition: RocksDB has a hand-off.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AppliedHandOff(pub Applied);

/// Read thread → partition: the entries that commands wait for.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Fetched {
    /// Which commands wait.
    pub ticket: u64,
    /// The entries.
    pub entries: Vec<(Family, Vec<u8>, Option<Vec<u8>>)>,
}

/// Read thread → partition: commands that ran against a view, or wait to run again on more of it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Viewed(pub Box<Work>);

/// Read thread → partition: a long reply begins; its client may have it when the log has a group.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Begin {
    /// Which group.
    pub hold: Group,
    /// The reply.
    pub receiver: Receiver,
    /// Whose it is.
    pub client: Addr<Connection>,
}

/// Partition → connection: a long reply begins. Its rest comes with [`Finished`]; at most one of each client.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Begun(pub Receiver);

/// Partition → the next partition, read thread → the first one: lend your state to a command over all of them.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Lend(pub Box<Exclusive>);

/// Connection → replicator: this command waits for slaves. Answered by [`Finished`]. At most one of each client.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Await {
    /// The command.
    pub work: Box<Work>,
    /// What it waits for.
    pub wait: Wait,
}

/// Connection → replicator: a slave has acknowledged something, and somebody waits.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Acknowledged;

/// Anyone → replicator: a client's WAIT or WAITAOF ends now.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Unwait {
    /// Its client.
    pub client: u64,
    /// How.
    pub how: Unblock,
}

/// The link's task → replicator: what became of handing this server's role to a slave.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum HandedOver {
    /// Something was written after all: the slave does not have it yet.
    TooEarly,
    /// The slave is the master now.
    Done,
    /// This server is the master again, or still; for the operator.
    Failed(String),
}

/// Admin → replicator: a failover has begun.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FailoverBegan;

/// Anyone → replicator: ask all slaves where they are.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AskReplicas;

/// Back to its partition, after a command over all of them.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Return {
    /// The partition's state.
    pub state: Box<Partition>,
    /// The group of that command and the log offset that it ends at, if it wrote.
    pub group: Option<(u64, u64)>,
    /// Whether what it wrote was handed off already.
    pub handed_off: bool,
    /// Whether the state is of other data than it was.
    pub replaced: bool,
    /// The client that it is of.
    pub cause: u64,
    /// The command with its reply; for one of the partitions.
    pub work: Option<Box<Work>>,
    /// The command if it waits for a key now; for one of the partitions.
    pub blocked: Option<Blocked>,
}

/// About a command that waits for keys.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Wake {
    /// Which: the number that its partition gave it.
    pub ticket: u64,
    /// What happened.
    pub why: Why,
}

/// Why a command that waits is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A key of it changed, in another partition; its type there, if it is in memory.
    Changed(Option<Type>),
    /// Its time is over.
    TimedOut,
    /// CLIENT UNBLOCK.
    Unblocked(Unblock),
    /// The client is gone.
    Gone,
}

/// Expirer → partition: these may be due.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Expire(pub Vec<Due>);

/// Admin → partition: what is your state?
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Observe(pub mpsc::Sender<Report>);

/// A partition's state, for INFO.
#[derive(Debug, Default)]
pub struct Report {
    /// Which partition.
    pub index: usize,
    /// Its counters.
    pub stats: Stats,
    /// Its arbiter's counters of commands.
    pub statistics: Statistics,
    /// Its numbers; a key overwritten blindly may be counted twice until that is settled.
    pub counts: AllCounts,
    /// Which namespaces databases show.
    pub namespaces: Option<Namespaces>,
    /// Bytes that RocksDB lacks.
    pub dirty_bytes: usize,
    /// Bytes in memory, those included.
    pub memory_bytes: usize,
    /// Entries in memory.
    pub entries: usize,
}

/// Admin → partition: change something about yourself.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Control {
    /// Forget the counters.
    ResetStatistics,
    /// Hand everything off; answer when RocksDB has it.
    Drain(mpsc::Sender<()>),
    /// Drop all cached entries.
    DropCache,
    /// Take over changed options.
    Reconfigure,
    /// Say how far the log needs not be read again for this partition.
    Advance,
}

/// Script → partition: it holds your state for longer than it should; answer who waits.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Busy;

/// Connection → admin: run this command. Answered by [`Finished`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Administer {
    /// The command.
    pub work: Box<Work>,
    /// The client, as it is now.
    pub session: Session,
}

/// The clock's thread → connection: give back the buffers that you do not need.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Shrink;

/// Anyone → connection: something waits in your inbox that was empty.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Deliver;

/// Anyone → connection: end now.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Kill;
