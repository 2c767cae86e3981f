//! INFO: the sections, the numbers behind them, and how they are written.

mod histogram;
mod numbers;
mod sections;
mod statistics;
mod write;

/// The version of Redis whose behaviour this is, which clients probe.
pub const REDIS_VERSION: &str = "7.2.0";

pub use histogram::Histogram;
pub use numbers::{
    BinlogNumbers, ClientNumbers, CompactionNumbers, CpuNumbers, DataNumbers, DatabaseNumbers, MemoryNumbers,
    Numbers, PersistenceNumbers, ReplicationNumbers, StatsNumbers,
};
pub use sections::{Section, Sections};
pub use statistics::{CommandCounters, Statistics};
pub use write::{human, write};
