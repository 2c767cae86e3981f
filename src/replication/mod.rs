//! Replication: Redis's protocol (REPLCONF, PSYNC), as state machines without sockets, clocks or files.
//!
//! | file | what |
//! |------|------|
//! | [`history`] | which history the data is of: replication ids and up to where each holds; shared by both sides |
//! | [`handshake`] | what a slave says of itself, and asks for |
//! | [`master`] | the slaves of a master: their stages, limits, acknowledgements, and who waits for these |
//! | [`snapshot`] | one moment of all data, as an RDB file |

pub mod handshake;
pub mod history;
pub mod master;
pub mod snapshot;

pub use history::{Earlier, History, ReplicationId};
