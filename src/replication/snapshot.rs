//! One moment of the whole keyspace, as an RDB file: what a full synchronisation sends, and what an export writes.
//!
//! The moment is taken while all partitions stand still, which takes as long as it takes to copy what the engine lacks
//! (little, if they have just handed it off). The file is written later and elsewhere, from a snapshot of the engine,
//! key after key: memory holds one value at a time.
//!
//! Keys whose time has come are written too, with that time, as Redis does: their removal is in the log behind.

use std::collections::BTreeMap;
use std::io::Write;

use crate::commands::Settings;
use crate::commands::generic::dump::limits;
use crate::encoding::key::{ExpiryKey, MetaKey};
use crate::encoding::meta::{Meta, Type};
use crate::engine::{EngineError, Family, Range};
use crate::keyspace::partition::Partition;
use crate::keyspace::transaction::{Need, Reach, Source, Stop, Transaction};
use crate::keyspace::view::View;
use crate::rdb::{self, Digest, KeyOptions, Value, Writer};
use crate::types;

use super::ReplicationId;

/// After how many keys the caller is told how far it is.
const TELL_EVERY: u64 = 1000;

/// See the module's documentation.
#[derive(Debug)]
pub struct Snapshot {
    view: View,
    offset: u64,
    stream_database: Option<u16>,
}

/// What the file says of its origin.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The history that the data is of.
    pub id: ReplicationId,
    /// The version of Redis whose dialect the server speaks.
    pub redis_version: &'static str,
    /// When the file is written, Unix time in seconds.
    pub now_s: u64,
    /// Memory in use, bytes.
    pub used_memory: u64,
}

/// How far the writing is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Keys written.
    pub keys: u64,
    /// Keys that there are, nearly: one overwritten a moment before may be counted twice.
    pub of: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Why a file could not be written.
#[derive(Debug)]
pub enum Failure {
    /// What it was written to, or the encoding of a value.
    Rdb(rdb::Error),
    /// The engine failed.
    Engine(EngineError),
    /// An entry of the store that does not parse.
    Corrupt(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Rdb(error) => write!(f, "{error}"),
            Failure::Engine(error) => write!(f, "{error}"),
            Failure::Corrupt(what) => write!(f, "an entry does not parse: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<rdb::Error> for Failure {
    fn from(error: rdb::Error) -> Failure {
        Failure::Rdb(error)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        match stop {
            Stop::Engine(error) => Failure::Engine(error),
            other => Failure::Corrupt(format!("{other:?}")),
        }
    }
}

/// Database, name, description and value of a key.
type Stored<'k> = (usize, &'k [u8], Meta<'k>, Value);

impl Snapshot {
    /// Keeps this moment. All partitions are here, and their groups closed: none is in the middle of anything, and the
    /// end of the log is where this moment is. From there on the log names its database anew.
    pub fn take(partitions: &mut [&mut Partition]) -> Snapshot {
        let everything = [Family::Meta, Family::Element, Family::Expiry];
        let needs = everything.map(|family| Need::Range(family, Range::default()));
        let offset = partitions[0].shared.select_anew();
        Snapshot { view: View::keep(partitions, &needs), offset, stream_database: None }
    }

    /// The log goes on as the stream of a master, who has selected this database by then, and does not say so again.
    pub fn set_stream_database(&mut self, database: u16) {
        self.stream_database = Some(database);
    }

    /// The database that the stream has selected there: a master's names its own anew, so it is 0.
    pub fn stream_database(&self) -> u16 {
        self.stream_database.unwrap_or(0)
    }

    /// The offset of the log that it is at.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The oldest version of RDB that can tell all of it: 10 (Redis 7.0), or 12 (7.4) if a field of a hash expires.
    ///
    /// # Errors
    /// [`Failure`], if the store cannot be read.
    pub fn version(&self) -> Result<u16, Failure> {
        let mut version = rdb::REDIS_7_0;
        let mut failure = None;
        self.view.range(Family::Expiry, &Range::default(), |index_key, _| {
            // The index may be older than the hash: the hash itself says.
            if let Some(index @ ExpiryKey { field: Some(_), .. }) = ExpiryKey::parse(index_key)
                && let Some(database) = self.view.namespaces().database_of(index.namespace)
            {
                match self.value(database, index.key) {
                    Ok(value) => {
                        version = value.map_or(version, |value| value.lowest_version().max(version));
                    }
                    Err(error) => failure = Some(error),
                }
            }
            Ok(failure.is_none() && version == rdb::REDIS_7_0)
        })?;
        failure.map_or(Ok(version), Err)
    }

    /// Writes the file. `told` gets to know how far it is.
    ///
    /// # Errors
    /// [`Failure`]. What was written by then is no whole file.
    pub fn write<W: Write>(
        &self,
        out: W,
        origin: &Origin,
        settings: &Settings,
        told: &mut dyn FnMut(Progress),
    ) -> Result<(W, Progress), Failure> {
        let mut file = Writer::new(out, self.version()?, limits(settings))?;
        let facts = [
            ("redis-ver", origin.redis_version.to_string()),
            ("redis-bits", "64".into()),
            ("ctime", origin.now_s.to_string()),
            ("used-mem", origin.used_memory.to_string()),
            // What follows the file in a master's own stream selects its database itself.
            ("repl-stream-db", self.stream_database.unwrap_or(0).to_string()),
            ("repl-id", origin.id.to_string()),
            ("repl-offset", self.offset.to_string()),
            ("aof-base", "0".into()),
        ];
        for (name, text) in facts {
            file.auxiliary(name.as_bytes(), text.as_bytes())?;
        }
        for library in self.view.functions.libraries() {
            file.function(&library.code)?;
        }
        let namespaces = self.view.namespaces();
        let mut progress = Progress::default();
        for database in 0..namespaces.databases() {
            let counts = self.view.counts().of(namespaces.of(database));
            let keys = u64::try_from(counts.keys()).unwrap_or(0);
            if keys > 0 {
                file.sizes(database as u64, keys, u64::try_from(counts.with_expiry).unwrap_or(0))?;
                progress.of += keys;
            }
        }
        let mut failure = None;
        self.view.range(Family::Meta, &Range::default(), |key, stored| {
            failure = self.write_key(&mut file, key, stored, &mut progress).err();
            progress.bytes = file.position();
            if progress.keys % TELL_EVERY == 0 {
                told(progress);
            }
            Ok(failure.is_none())
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let out = file.finish()?;
        // Behind the last that was counted: the end, and the checksum.
        progress.bytes += 9;
        told(progress);
        Ok((out, progress))
    }

    /// Redis's digest of all data of this moment.
    ///
    /// # Errors
    /// [`Failure`], if the store cannot be read.
    pub fn digest(&self) -> Result<Digest, Failure> {
        let mut databases: BTreeMap<u32, Digest> = BTreeMap::new();
        let mut failure = None;
        self.view.range(Family::Meta, &Range::default(), |key, stored| {
            match self.read_key(key, stored) {
                Ok(Some((database, key, meta, value))) => {
                    let digest = Digest::of_key(key, &value, meta.expire_ms.is_some());
                    databases.entry(database as u32).or_default().add_digest(digest);
                }
                Ok(None) => {}
                Err(error) => failure = Some(error),
            }
            Ok(failure.is_none())
        })?;
        failure.map_or(Ok(Digest::of_databases(databases)), Err)
    }

    fn write_key<W: Write>(
        &self,
        file: &mut Writer<W>,
        meta_key: &[u8],
        stored: &[u8],
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        if let Some((database, key, meta, value)) = self.read_key(meta_key, stored)? {
            let options = KeyOptions { expire_ms: meta.expire_ms, ..KeyOptions::default() };
            file.key(database as u64, key, &value, options)?;
            progress.keys += 1;
        }
        Ok(())
    }

    /// The database, name, description and value of an entry; `None` if it is of no key that is there.
    fn read_key<'k>(&self, meta_key: &'k [u8], stored: &'k [u8]) -> Result<Option<Stored<'k>>, Failure> {
        let corrupt = || Failure::Corrupt(meta_key.escape_ascii().to_string());
        let key = MetaKey::parse(meta_key).ok_or_else(corrupt)?;
        // What a flushed database had is still being removed.
        let Some(database) = self.view.namespaces().database_of(key.namespace) else { return Ok(None) };
        let meta = Meta::parse(stored).ok_or_else(corrupt)?;
        let value = if meta.kind == Type::String && !meta.by_elements {
            Some(Value::String(meta.payload.to_vec()))
        } else {
            self.value(database, key.key)?
        };
        Ok(value.map(|value| (database, key.key, meta, value)))
    }

    /// What a key holds, whatever time it is.
    fn value(&self, database: usize, key: &[u8]) -> Result<Option<Value>, Failure> {
        let mut txn = Transaction::new(Source::View(&self.view), Reach::UNBOUNDED, 0, database);
        let entry = txn.entry(key)?;
        Ok(types::to_rdb(&mut txn, &entry)?)
    }
}

mod walk;

#[cfg(test)]
mod tests;
