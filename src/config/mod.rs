//! Configuration: one table of options, from which everything about them derives.
//!
//! - [`options`] declares the options, a file a topic: each a row of the table and a typed key to read it with.
//! - [`Config`] holds the values; [`Config::show`] is CONFIG GET, [`Config::set`] CONFIG SET.
//! - [`load()`] reads files (TOML, or a redis.conf), the environment and the command line, in layers.
//! - [`rewrite()`] is CONFIG REWRITE: it puts current values into the files, and leaves the rest as it was.
//! - [`document`] writes `docs/config.md` and `config/pika.toml`; a test keeps them up to date.

pub mod choice;
mod command_line;
mod current;
mod directives;
pub mod document;
mod key;
mod layer;
mod load;
pub mod options;
mod redis_format;
mod retired;
mod rewrite;
mod rewrite_users;
mod row;
mod size;
mod special;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use current::{Config, SetError};
pub use key::{Accepts, Id, Key, Setting, Size};
pub use layer::LoadError;
pub use load::{Disk, ENVIRONMENT_PREFIX, Files, Loaded, MAIN_FILE, Sources, load};
pub use rewrite::{Extent, rewrite};
pub use rewrite_users::rewrite_users;
pub use row::{Alias, Change, Effect, Kind, Row, Section};
pub use size::{format_size, parse_size};
pub use special::{BufferLimit, BufferLimits, Events, Master, Portion, SavePoint};
pub use table::TABLE;
pub use value::Value;
