//! The moment at which loaded data takes the place of what was served.

use super::{Loaded, mark};
use crate::encoding::key::Namespace;
use crate::engine::{Batch, Change, Engine, EngineError, Family};
use crate::keyspace::recovery::{self, Found};
use crate::keyspace::write_behind;

/// System key that says that the log is to be begun anew; see [`LogRestart`].
pub const RESTART_KEY: &[u8] = b"log_restart";

/// System key of the database that the stream has selected where the log begins, `u16` big-endian.
pub const STREAM_DATABASE_KEY: &[u8] = b"stream_database";

/// The data is of another history than the log: the log is thrown away, and a new one begins.
///
/// | at | bytes | meaning |
/// |---:|------:|---------|
/// | 0 | 8 | the offset at which the new log begins, big-endian |
/// | 8 | 40 | the replication id of its history |
/// | 48 | 2 | the database that the master's stream has selected there, big-endian |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRestart {
    /// Where the new log begins.
    pub offset: u64,
    /// The name of its history.
    pub id: [u8; 40],
    /// The database that the master's stream has selected there.
    pub database: u16,
}

impl LogRestart {
    /// Its bytes, as in the table above.
    pub fn encode(&self) -> Vec<u8> {
        [&self.offset.to_be_bytes()[..], &self.id, &self.database.to_be_bytes()].concat()
    }

    /// Reads what [`LogRestart::encode`] wrote.
    pub fn parse(bytes: &[u8]) -> Option<LogRestart> {
        if bytes.len() != 50 {
            return None;
        }
        Some(LogRestart {
            offset: u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?),
            id: bytes.get(8..48)?.try_into().ok()?,
            database: u16::from_be_bytes(bytes.get(48..)?.try_into().ok()?),
        })
    }
}

/// Has the databases show what was loaded. See the module's documentation.
#[derive(Debug, Clone)]
pub struct Switch {
    /// What was loaded.
    pub loaded: Loaded,
    /// The log offset that it is of.
    pub offset: u64,
    /// How many partitions there are.
    pub partitions: usize,
    /// Whether, and where, the log begins anew.
    pub restart: Option<LogRestart>,
}

impl Switch {
    /// Makes the change, in one batch, and puts it on disk. Only on the thread that writes the store, when it has all
    /// hand-offs of the server's partitions, and with the log synced as far as these reach.
    ///
    /// # Errors
    /// The store's.
    pub fn apply(&self, engine: &dyn Engine) -> Result<(), EngineError> {
        let found = recovery::read(engine, self.loaded.namespaces.databases())?;
        engine.write(self.batch(&found))?;
        engine.flush(true)
    }

    fn batch(&self, found: &Found) -> Batch<'static> {
        let system = |key: Vec<u8>, value: Vec<u8>| Change::Put(Family::System, key.into(), value.into());
        let stale = found.system_keys().into_iter();
        let mut changes: Vec<_> = stale.map(|key| Change::Delete(Family::System, key.into())).collect();
        for partition in 0..self.partitions {
            let position = write_behind::encode_position(partition, self.partitions, self.offset);
            changes.push(system(write_behind::position_key(partition, self.partitions), position));
        }
        changes.push(system(write_behind::counts_key(0), self.loaded.counts.encode()));
        changes.push(system(write_behind::NAMESPACES_KEY.to_vec(), self.loaded.namespaces.encode()));
        let next_version = self.loaded.next_version.max(found.next_version);
        changes.push(system(write_behind::VERSION_KEY.to_vec(), next_version.to_be_bytes().to_vec()));
        changes.push(system(write_behind::FUNCTIONS_KEY.to_vec(), self.loaded.functions.dump()));
        for database in 0..found.namespaces.databases() {
            changes.push(system(write_behind::dead_key(found.namespaces.of(database)), Vec::new()));
        }
        let shown = |namespace: Namespace| self.loaded.namespaces.database_of(namespace).is_some();
        for namespace in self.loaded.hidden.clone() {
            changes.push(Change::Delete(Family::System, mark(namespace).into()));
            if !shown(namespace) {
                // An AOF may have emptied databases on its way.
                changes.push(system(write_behind::dead_key(namespace), Vec::new()));
            }
        }
        if let Some(restart) = &self.restart {
            changes.push(system(RESTART_KEY.to_vec(), restart.encode()));
            changes.push(system(STREAM_DATABASE_KEY.to_vec(), restart.database.to_be_bytes().to_vec()));
        }
        Batch(changes)
    }
}

/// The log was begun anew: nothing is left to do at the next start. Must be on disk before the new log has a record.
///
/// # Errors
/// The store's.
pub fn restarted(engine: &dyn Engine) -> Result<(), EngineError> {
    engine.write(Batch(vec![Change::Delete(Family::System, RESTART_KEY.into())]))?;
    engine.flush(true)
}
