//! Moments that this server keeps for others that compare their data with it.
//!
//! Each has a thread, which gives way to those that serve, and answers one question after the other from the moment.
//! It ends when it is told to, or when nobody has asked for a while: a snapshot of the store keeps compactions from
//! giving back what was overwritten since.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use pika_core::replication::snapshot::Snapshot;
use pika_core::replication::verify::bisect::{Answer, Question};
use pika_core::replication::verify::{Key, hash};
use pika_core::server::Moment;

use super::GIVES_WAY;
use crate::service::Service;
use crate::state::lock;

/// How many are kept at a time.
const MOST: usize = 4;
/// How long one is kept that nobody asks for, of those that are compared with.
pub const KEEP: Duration = Duration::from_secs(60);
/// The most keys that are named at a time.
const MOST_NAMES: u64 = 100_000;

type Job = Box<dyn FnOnce(&Snapshot) + Send>;

/// Who asks for a moment that is not kept any more.
const GONE: &str = "there is no moment of this name, or no longer";

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Moments {
    /// By name.
    kept: Mutex<HashMap<String, Sender<Job>>>,
    /// How many are being made.
    making: AtomicU64,
}

/// VERIFY OPEN, and REFETCH OPEN: `keep` is how long it stays without being asked for.
///
/// # Errors
/// For the client: there are too many, or no thread.
pub fn open(service: &Service, keep: Duration) -> Result<Moment, String> {
    let state = &service.state;
    let moments = &state.replication.verification.moments;
    let others = lock(&moments.kept).len() as u64 + moments.making.fetch_add(1, Ordering::AcqRel);
    let made = match others < MOST as u64 {
        true => make(service, keep),
        false => Err(format!("{MOST} moments are kept already, for others that compare")),
    };
    moments.making.fetch_sub(1, Ordering::AcqRel);
    made
}

fn make(service: &Service, keep: Duration) -> Result<Moment, String> {
    let state = &service.state;
    let snapshot = crate::replication::full::take(service)?;
    let moment = Moment {
        name: crate::system::random_hex(16),
        id: lock(&state.replication.history).id(),
        offset: snapshot.offset(),
        databases: snapshot.databases(),
        functions: snapshot.functions(),
    };
    let (jobs, queue) = channel::<Job>();
    let (shared, name) = (state.clone(), moment.name.clone());
    let spawned = std::thread::Builder::new().name("pika-moment".into()).spawn(move || {
        crate::system::give_way(GIVES_WAY);
        while let Ok(job) = queue.recv_timeout(keep) {
            job(&snapshot);
        }
        lock(&shared.replication.verification.moments.kept).remove(&name);
    });
    spawned.map_err(|error| error.to_string())?;
    lock(&state.replication.verification.moments.kept).insert(moment.name.clone(), jobs);
    Ok(moment)
}

/// VERIFY CLOSE: whether it was there.
pub fn close(service: &Service, name: &str) -> bool {
    // Its thread ends when nobody can ask any more.
    lock(&service.state.replication.verification.moments.kept).remove(name).is_some()
}

/// The database that the stream has selected at a moment.
///
/// # Errors
/// It is not kept any more.
pub fn stream_database(service: &Service, name: &str) -> Result<u16, String> {
    ask(service, name, |snapshot, _| Ok(snapshot.stream_database()))
}

/// Has something done with a moment, and waits for it.
///
/// # Errors
/// It is not kept any more; and those of `run`.
pub fn ask<T: Send + 'static>(
    service: &Service,
    name: &str,
    run: impl FnOnce(&Snapshot, &mut dyn FnMut() -> bool) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let state = service.state.clone();
    let (tell, told) = channel();
    let job: Job = Box::new(move |snapshot| {
        let mut go_on = || !state.stopping.load(Ordering::Acquire);
        let _ = tell.send(run(snapshot, &mut go_on));
    });
    let moments = &service.state.replication.verification.moments;
    let jobs = lock(&moments.kept).get(name).cloned().ok_or(GONE)?;
    jobs.send(job).map_err(|_| GONE)?;
    drop(jobs);
    told.recv().map_err(|_| GONE.to_string())?
}

/// VERIFY SUMS and VERIFY NAMES.
///
/// # Errors
/// For the client.
pub fn answer(service: &Service, name: &str, question: Question) -> Result<Answer, String> {
    ask(service, name, move |snapshot, go_on| {
        let mut count = 0;
        let mut go_on = || {
            count += 1;
            go_on() && (count <= MOST_NAMES || matches!(question, Question::Sums(..)))
        };
        match snapshot.answer(&question, &mut go_on) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) if count > MOST_NAMES => Err(format!("more than {MOST_NAMES} keys are in this range")),
            Ok(None) => Err("the server is stopping".into()),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// VERIFY LOOK.
///
/// # Errors
/// For the client.
pub fn look(service: &Service, name: &str, keys: Vec<Key>) -> Result<Vec<Option<u128>>, String> {
    ask(service, name, move |snapshot, _| hashes(snapshot, &keys))
}

/// The hashes of keys at a moment.
///
/// # Errors
/// The store cannot be read.
pub(super) fn hashes(snapshot: &Snapshot, keys: &[Key]) -> Result<Vec<Option<u128>>, String> {
    let of = |key: &Key| {
        let found = snapshot.find(key).map_err(|error| error.to_string())?;
        Ok(found.map(|(value, expire_ms)| hash(key.database, &key.name, expire_ms, &value)))
    };
    keys.iter().map(of).collect()
}
