//! The files of a checkpoint, taken over into the store: beside the data that is served, and then in its place.
//!
//! They are read in order, written anew as tables whose keys are in hidden namespaces, and these are taken in by the
//! store as they are: nothing goes through its memory. What shows them is the same switch as after any load.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use pika_core::config::options;
use pika_core::engine::rocks::{RocksEngine, RocksOptions};
use pika_core::engine::{Engine, EngineError};
use pika_core::keyspace::load::checkpoint::{Adoption, AdoptionError, COPIED};
use pika_core::keyspace::load::{Begin, LogRestart, Switch};
use pika_core::keyspace::recovery;
use pika_core::replication::slave::Position;

use super::sync::{give_up, on_writer, switch_to};
use crate::state::State;

/// The folder that tables are written into, in the data folder.
const TABLES: &str = "sync.tables.tmp";
/// The block cache of the store that is read once, from its beginning to its end; bytes.
const CACHE_BYTES: usize = 8 << 20;
/// Entries between two looks at how far it is.
const STEPS: u64 = 4096;

/// Why it could not be done.
#[derive(Debug)]
pub(super) enum Failure {
    /// The files cannot be taken over here.
    Unfit(String),
    /// They could not be written.
    Disk(String),
    /// Nobody wants it any more.
    GivenUp,
}

impl From<AdoptionError> for Failure {
    fn from(error: AdoptionError) -> Failure {
        Failure::Unfit(error.to_string())
    }
}

/// Removes what a process that died in the middle left.
pub(super) fn sweep(data_folder: &Path) {
    let _ = fs::remove_dir_all(data_folder.join(TABLES));
}

/// Takes over the store in `folder`, which is of this position, and shows it.
pub(super) fn adopt(
    state: &Arc<State>,
    folder: &Path,
    of: Position,
    given_up: &AtomicBool,
) -> Result<(), Failure> {
    let began = Instant::now();
    let unfit = |error: EngineError| Failure::Unfit(error.to_string());
    let own = state.engine.options();
    let options = RocksOptions { cache_bytes: CACHE_BYTES, max_open_files: 64, ..own.clone() };
    let source = RocksEngine::open_read_only(folder, options).map_err(unfit)?;
    let found = recovery::read(&source, 1).map_err(unfit)?;
    let databases = state.config().get(options::DATABASES) as usize;
    let here = on_writer(state, move |store| recovery::read(&store.engine, databases));
    let begin = Begin { namespaces: here.namespaces, next_version: here.next_version };
    let adoption = Adoption::new(&found, of.offset, &begin)?;
    let (marks, abandoned) = (adoption.marks(), here.abandoned);
    on_writer(state, move |store| {
        // What an earlier one left is gone by its marks.
        recovery::abandon(&store.engine, &abandoned)?;
        store.engine.write(marks)?;
        store.flush_and_wait()
    });
    let tables = Path::new(state.config().get(options::DIR)).join(TABLES);
    let copied = copy(state, &adoption, &source, &tables, given_up);
    let _ = fs::remove_dir_all(&tables);
    copied.inspect_err(|_| give_up(state))?;
    let keys = adoption.keys();
    let mut id = [0; 40];
    id.copy_from_slice(of.id.as_str().as_bytes());
    // Behind the checkpoint the master's log names its database anew.
    let restart = LogRestart { offset: of.offset, id, database: 0 };
    let partitions = state.identity.partitions;
    let switch = Switch { loaded: adoption.finish(), offset: of.offset, partitions, restart: Some(restart) };
    if given_up.load(Ordering::Acquire) {
        give_up(state);
        return Err(Failure::GivenUp);
    }
    switch_to(state, switch, of).map_err(Failure::Unfit)?;
    slog::info!(state.logger, "the master's data set is in its place"; "keys" => keys,
        "ms" => began.elapsed().as_millis() as u64, "offset" => of.offset);
    Ok(())
}

fn copy(
    state: &Arc<State>,
    adoption: &Adoption,
    source: &RocksEngine,
    folder: &Path,
    given_up: &AtomicBool,
) -> Result<(), Failure> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| Failure::Disk(format!("{}: {error}", folder.display())))?;
    let (mut entries, mut bytes) = (0, 0);
    for family in COPIED {
        let mut stopped = false;
        let tables = state.engine.write_tables(family, folder, |put| {
            adoption.copy(source, family, &mut |key, value| {
                entries += 1;
                bytes += (key.len() + value.len()) as u64;
                if entries % STEPS == 0 {
                    state.following.change(|link| (link.sync_loaded, link.sync_keys) = (bytes, entries));
                    stopped = given_up.load(Ordering::Acquire);
                }
                match stopped {
                    true => Err(EngineError("it was given up".into())),
                    false => put(key, value),
                }
            })
        });
        let tables = tables.map_err(|error| match stopped {
            true => Failure::GivenUp,
            false => Failure::Disk(error.to_string()),
        })?;
        on_writer(state, move |store| {
            // Its memory is empty then, and nothing of it can reach the disk before the log has.
            store.flush_and_wait()?;
            store.engine.ingest(family, tables)
        });
    }
    let orphans = adoption.orphans(source).map_err(|error| Failure::Unfit(error.to_string()))?;
    on_writer(state, move |store| store.engine.write(orphans));
    Ok(())
}
