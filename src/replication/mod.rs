//! Replication: Redis's protocol (REPLCONF, PSYNC), as state machines without sockets, clocks or files.
//!
//! | file | what |
//! |------|------|
//! | [`history`] | which history the data is of: replication ids and up to where each holds; shared by both sides |

pub mod history;

pub use history::{Earlier, History, ReplicationId};
