//! Compactions: those that someone asked for, and those that give back the space of flushed databases. One at a time,
//! on a thread of its own.
//!
//! To compact a range, RocksDB first writes to disk what its memtables have of it, when it likes. So from the moment
//! that [`begin`] returns until the compaction ends, the write-behind thread lets nothing into a memtable that is not
//! in the log *on disk*: the invariant that RocksDB is never ahead of the log holds at any moment of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pika_core::engine::{Engine, Family};
use pika_core::keyspace::compaction::{self, Piece};
use pika_core::server::Compact;

use crate::service::Service;
use crate::state::{State, lock};

/// What INFO shows of compactions.
#[derive(Debug, Default)]
pub struct Progress {
    /// Since when one is under way.
    pub running_since: Option<Instant>,
    /// Pieces of it that are done.
    pub done: usize,
    /// All its pieces.
    pub pieces: usize,
    /// How long the last one took.
    pub last: Option<Duration>,
}

/// Begins a compaction, if none is under way. Returns whether it did.
pub fn begin(state: &State) -> bool {
    if state.compacting.swap(true, Ordering::AcqRel) {
        return false;
    }
    let mut progress = lock(&state.compaction);
    *progress = Progress { running_since: Some(Instant::now()), last: progress.last, ..Progress::default() };
    true
}

/// Ends what [`begin`] began.
pub fn end(state: &State) {
    let mut progress = lock(&state.compaction);
    progress.last = progress.running_since.take().map(|since| since.elapsed());
    drop(progress);
    state.compacting.store(false, Ordering::Release);
}

/// Rewrites pieces of the store, one after the other. Stops when the server does.
pub fn run(state: &State, pieces: &[Piece]) {
    lock(&state.compaction).pieces = pieces.len();
    for piece in pieces {
        if state.stopping.load(Ordering::Acquire) {
            return;
        }
        state.engine.compact(piece.family, &piece.range);
        lock(&state.compaction).done += 1;
    }
}

/// The pieces of the whole store.
pub fn everything(state: &State) -> Vec<Piece> {
    compaction::whole(&[], |family| family_bytes(state, family))
}

fn family_bytes(state: &State, family: Family) -> u64 {
    let text = state.engine.property_text(family, "rocksdb.live-sst-files-size");
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// COMPACT and COMPACTRANGE: begins, and returns while it goes on.
///
/// # Errors
/// One is under way, or there is no thread for it.
pub fn start(service: &Service, request: &Compact) -> Result<(), String> {
    if !begin(&service.state) {
        return Err("a compaction is running already".into());
    }
    let (service, request) = (service.clone(), request.clone());
    let state = service.state.clone();
    let started =
        std::thread::Builder::new().name("pika-compact".into()).spawn(move || perform(&service, &request));
    started.map(|_| ()).map_err(|error| {
        end(&state);
        error.to_string()
    })
}

fn perform(service: &Service, request: &Compact) {
    let state: &Arc<State> = &service.state;
    // What was removed a moment ago shall be gone, too; and nothing is left in a memtable that the log has not.
    service.drain();
    state.write_behind.flush();
    match plan(service, request) {
        Ok(pieces) => {
            run(state, &pieces);
            slog::info!(state.logger, "compaction ended"; "pieces" => pieces.len());
        }
        Err(error) => slog::error!(state.logger, "compaction failed"; "error" => error),
    }
    end(state);
}

fn plan(service: &Service, request: &Compact) -> Result<Vec<Piece>, String> {
    let state = &service.state;
    if let (Some((first, last)), [database]) = (&request.range, request.databases.as_slice()) {
        let reports = service.reports();
        let namespaces = reports.iter().find_map(|report| report.namespaces.as_ref());
        let namespace =
            namespaces.map(|namespaces| namespaces.of(*database)).ok_or("no partition answers")?;
        let few = compaction::of_keys(&state.engine, namespace, first, last)
            .map_err(|error| format!("{error:?}"))?;
        if let Some(pieces) = few {
            return Ok(pieces);
        }
    }
    Ok(compaction::whole(&request.types, |family| family_bytes(state, family)))
}
