//! Finds what is due in the index by time, on a thread of its own, and sends it to its partition.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pika_core::keyspace::{expiry, slot};

use crate::message::Expire;
use crate::state::{State, now_ms};

/// How often it looks while little is due.
const PERIOD: Duration = Duration::from_millis(20);
/// Entries sent at a time; while there are more, it comes back at once.
const BATCH: usize = 1024;

/// Starts the thread; it ends with the process.
pub fn start(state: Arc<State>) -> std::io::Result<()> {
    std::thread::Builder::new().name("pika-expirer".into()).spawn(move || run(&state)).map(|_| ())
}

fn run(state: &State) {
    while !state.stopping.load(Ordering::Relaxed) {
        let found = if state.active_expire.load(Ordering::Relaxed) { send_due(state) } else { 0 };
        // What was sent is removed from the index a few milliseconds later: looking sooner would find it again.
        std::thread::sleep(if found == BATCH { PERIOD / 4 } else { PERIOD });
    }
}

/// Sends what is due, and says how much that was.
fn send_due(state: &State) -> usize {
    let due = match expiry::due(&state.engine, now_ms(), BATCH) {
        Ok(due) => due,
        Err(error) => crate::server::fail_stop(&state.logger, &format!("expirer: {error:?}")),
    };
    let count = due.len();
    let partitions = state.partitions();
    let mut shares: HashMap<usize, Vec<expiry::Due>> = HashMap::new();
    for entry in due {
        let owner =
            expiry::place_of(&entry).map_or(0, |(slot, _)| slot::partition_of(slot, partitions.len()));
        shares.entry(owner).or_default().push(entry);
    }
    for (owner, due) in shares {
        partitions[owner].do_send(Expire(due));
    }
    count
}
