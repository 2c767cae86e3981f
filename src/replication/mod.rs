//! Replication: Redis's protocol (REPLCONF, PSYNC), as state machines without sockets, clocks or files.
//!
//! | file | what |
//! |------|------|
//! | [`files`] | the files of a checkpoint: what a master offers, and a slave fetches |
//! | [`history`] | which history the data is of: replication ids and up to where each holds; shared by both sides |
//! | [`failover`] | a master hands its role to a slave |
//! | [`handshake`] | what a slave says of itself, and asks for |
//! | [`link`] | what is known of the link to a master |
//! | [`master`] | the slaves of a master: their stages, limits, acknowledgements, and who waits for these |
//! | [`refetch`] | a slave that wrote on its own: which keys may differ, and are fetched again |
//! | [`slave`] | the slave's side: handshake, transfer, stream, and what happens when the link breaks |
//! | [`snapshot`] | one moment of all data, as an RDB file |
//! | [`stream`] | a master's stream, cut into pieces that can be logged and run |
//! | [`verify`] | whether two servers have the same data: sums of ranges of keys, and how to find what differs |

pub mod failover;
pub mod files;
pub mod handshake;
pub mod history;
pub mod link;
pub mod master;
pub mod refetch;
pub mod slave;
pub mod snapshot;
pub mod stream;
pub mod verify;

#[cfg(test)]
mod effects;
#[cfg(test)]
mod simulation;

pub use history::{Earlier, History, ReplicationId};
pub use link::MasterLink;
