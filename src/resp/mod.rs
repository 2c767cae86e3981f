//! RESP, the protocol that Redis's clients speak: requests are read here and replies are written.
//!
//! - [`request`] finds the commands in what a socket brought, as offsets, and goes on where it stopped;
//! - [`reply`] writes replies, in RESP2 or RESP3, straight into the buffer that the socket is given;
//! - [`value`] reads replies, for whoever is the client: tests, tools, and a slave of another server.
//!
//! Nothing here reserves memory because a header says that much will come.

mod inline;
pub mod reply;
pub mod request;
pub mod value;

pub use inline::split_words;
pub use reply::{Deferred, Pieces, Protocol, Reply};
pub use request::{Batch, Command, Failure, Limits, Parser, ProtocolError};
pub use value::{Malformed, Value, parse_value};
