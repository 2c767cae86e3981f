//! Replication: Redis's protocol (REPLCONF, PSYNC), as state machines without sockets, clocks or files.
//!
//! | file | what |
//! |------|------|
//! | [`history`] | which history the data is of: replication ids and up to where each holds; shared by both sides |
//! | [`link`] | what is known of the link to a master |
//! | [`slave`] | the slave's side: handshake, transfer, stream, and what happens when the link breaks |
//! | [`stream`] | a master's stream, cut into pieces that can be logged and run |

pub mod history;
pub mod link;
pub mod slave;
pub mod stream;

pub use history::{Earlier, History, ReplicationId};
pub use link::MasterLink;
