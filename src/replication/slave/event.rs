//! What the machine is told, and what it says is to be done.

use bytes::Bytes;

use super::{Position, Settings};
use crate::replication::ReplicationId;

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The connection stands. The position is what this server has; `None` if its data is of no master's history.
    Connected(Settings, Option<Position>),
    /// It could not be made, or it is broken; why.
    Broken(&'a str),
    /// Bytes came.
    Received(&'a [u8]),
    /// Some time has passed. Told a few times a second.
    Clock,
    /// The transferred data, or what was fetched again, has taken the place of what was there before, and the log begins
    /// at its offset; or why not.
    Loaded(Result<(), &'a str>),
    /// What came so far is in the log up to this offset, and run.
    Applied(u64),
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Connect; answered by [`Event::Connected`] or [`Event::Broken`].
    Connect,
    /// Send bytes to the master.
    Send(Vec<u8>),
    /// Close the connection, if there is one. Of a transfer under way nothing is kept; a spool is forgotten. No
    /// [`Event::Broken`] follows.
    Disconnect(String),
    /// A transfer begins, of so many bytes if that is known, of the data at this position. Forget any earlier one.
    BeginTransfer(Position, Option<u64>),
    /// Bytes of the data set: to the temporary file.
    Store(Bytes),
    /// The file is whole as far as its length can tell. Check and load it; answered by [`Event::Loaded`].
    Load(Position),
    /// Fetch the files of the checkpoint of this name, which are the data at this position, and load them; answered by
    /// [`Event::Loaded`]. The connection stays, as a sign of life.
    Fetch {
        /// Where the log goes on behind it.
        of: Position,
        /// The checkpoint's name.
        name: String,
        /// The last offset at which this server's data was the master's, if the master says so.
        common: Option<u64>,
    },
    /// This server's data was the master's at this position of the master's history, and both have written since: fetch
    /// again what differs, and put it into its place; answered by [`Event::Loaded`]. The connection stays, as a sign of
    /// life.
    Refetch(Position),
    /// The other was asked to take over this server's role: it did, or why it did not.
    HandedOver(Result<(), String>),
    /// The stream goes on behind what this server has, maybe under another name of the history.
    Continue(Option<ReplicationId>),
    /// Bytes of the stream: log and run them. Answered by [`Event::Applied`].
    Stream(Bytes),
    /// Bytes of the stream that have to wait until the data is loaded; then they are the first of the stream.
    Spool(Bytes),
    /// A line for the operator.
    Tell(String),
}
