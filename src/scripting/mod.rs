//! Lua scripts and libraries of functions.
//!
//! | file | what |
//! |------|------|
//! | [`host`] | what a script asks of whoever runs it |
//! | [`cache`] | scripts by the digest of their text, shared by all threads |
//! | [`shebang`] | the first line of a script or a library |
//! | [`interpreter`] | one Lua interpreter a thread, its sandbox, its limits |
//! | [`registry`] | the libraries of functions, shared by all threads |
//! | `run`, `calls` | EVAL and FCALL over partitions; what `redis.call` does |
//! | `convert` | replies as Lua's values, and back |
//! | `api`, `libraries/` | what scripts call: `redis.*`, `cjson`, `cmsgpack`, `struct`, `bit` |
//!
//! How a script runs, and what that costs: `docs/decisions/0012-scripts.md`.

mod api;
pub mod cache;
mod calls;
mod convert;
pub mod host;
pub mod interpreter;
mod libraries;
pub mod registry;
pub mod run;
pub mod shebang;

#[cfg(test)]
mod tests;

pub use cache::{Cache, Digest};
pub use host::{Control, Host, Standing};
pub use registry::{Library, Registry};
pub use run::Invocation;
