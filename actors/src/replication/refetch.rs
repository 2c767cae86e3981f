//! What a slave asks that has writes of its own: which keys were written here since, and what they hold.
//!
//! It is answered from a moment, as VERIFY's questions are ([`crate::verify::moments`]), and from the log's files up to
//! it: on threads that may wait, of which none serves clients.

use std::sync::Arc;
use std::time::Duration;

use pika_core::binlog::Reader;
use pika_core::files::Real;
use pika_core::replication::ReplicationId;
use pika_core::replication::refetch::{ANSWER_BYTES, Touched};
use pika_core::replication::verify::Key;
use pika_core::server::{Dumped, Refetch};

use crate::service::Service;
use crate::state::{State, lock};
use crate::verify::moments;

/// How long a moment is kept that a slave does not ask for.
const KEEP: Duration = Duration::from_secs(15);

fn refused(why: &dyn std::fmt::Display) -> String {
    format!("NOREFETCH {why}")
}

fn later(why: &dyn std::fmt::Display) -> String {
    format!("TRYAGAIN {why}")
}

/// REFETCH OPEN.
///
/// # Errors
/// What the client is answered: the position is none of this server's history, or its log cannot tell what was written
/// since.
pub fn open(service: &Service, id: ReplicationId, offset: u64) -> Result<Refetch, String> {
    let state = &service.state;
    check(state, id, offset)?;
    let moment = moments::open(service, KEEP).map_err(|error| later(&error))?;
    let opened = told(service, &moment, offset).and_then(|opened| {
        // Its history may have become another one before the moment was kept.
        check(state, id, offset)?;
        match lock(&state.replication.history).id() == opened.id {
            true => Ok(opened),
            false => Err(later(&"the history has another name by now")),
        }
    });
    if opened.is_err() {
        moments::close(service, &moment.name);
    }
    opened
}

fn told(service: &Service, moment: &pika_core::server::Moment, offset: u64) -> Result<Refetch, String> {
    let database = moments::stream_database(service, &moment.name).map_err(|error| later(&error))?;
    let touched = touched(&service.state, offset, moment.offset)?;
    slog::info!(service.state.logger, "a slave fetches again what differs"; "common-offset" => offset,
        "offset" => moment.offset, "keys" => touched.len(), "commands" => touched.commands);
    Ok(Refetch {
        moment: moment.name.clone(),
        id: moment.id,
        offset: moment.offset,
        database,
        keys: touched.into_keys().into_iter().collect(),
    })
}

/// Whether this server's history has the position, and its log all that follows it.
fn check(state: &State, id: ReplicationId, offset: u64) -> Result<(), String> {
    let history = lock(&state.replication.history);
    if history.is_incomplete() {
        return Err(refused(&"this server does a full synchronisation itself"));
    }
    history.accepts(&id, offset, state.log.committed()).map_err(|mismatch| refused(&mismatch))?;
    let first = state.log.facts().oldest_offset;
    match offset < first {
        true => Err(refused(&format!("the log begins at {first}"))),
        false => Ok(()),
    }
}

/// What the log from an offset up to another can have written. A record that begins before counts as a whole.
///
/// # Errors
/// The log cannot be read or cannot tell; for a client.
pub fn touched(state: &State, from: u64, to: u64) -> Result<Touched, String> {
    let mut touched = Touched::default();
    if from >= to {
        return Ok(touched);
    }
    let folder = state.log.with_writer(|writer| writer.directory().to_path_buf());
    let mut reader = Reader::open(Arc::new(Real), &folder, from, to).map_err(|error| refused(&error))?;
    // Nothing may be missing at either end, nor in between.
    let mut reached = None;
    while let Some(record) = reader.read().map_err(|error| refused(&error))? {
        let end = record.header.offset + u64::from(record.header.payload_length);
        match reached {
            None if record.header.offset > from => return Err(refused(&"the log has not all of it")),
            Some(reached) if reached != record.header.offset => return Err(refused(&"the log has a gap")),
            _ => {}
        }
        reached = Some(end);
        let added = touched.add_record(usize::from(record.header.database), record.payload);
        added.map_err(|unbounded| refused(&unbounded))?;
    }
    match reached.is_some_and(|reached| reached >= to) {
        true => Ok(touched),
        false => Err(refused(&"the log has not all of it")),
    }
}

/// REFETCH READ.
///
/// # Errors
/// What the client is answered.
pub fn read(service: &Service, moment: &str, keys: Vec<Key>) -> Result<Vec<Dumped>, String> {
    let settings = service.state.settings();
    let found = moments::ask(service, moment, move |snapshot, _| {
        let (mut found, mut bytes) = (Vec::with_capacity(keys.len()), 0);
        for key in &keys {
            let dumped = snapshot.dump(key, &settings).map_err(|error| error.to_string())?;
            bytes += dumped.as_ref().map_or(0, |(dump, _)| dump.len());
            found.push(dumped);
            if bytes >= ANSWER_BYTES {
                break;
            }
        }
        Ok(found)
    });
    found.map_err(|error| later(&error))
}
