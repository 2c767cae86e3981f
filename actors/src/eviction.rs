//! `maxmemory-clients`: how much memory all clients' buffers may take together, and who is closed when they take more.
//!
//! Each connection notes what it holds, and while there is a limit a sum of all is kept beside. Whoever raises the sum
//! above the limit looks for the largest clients, and closes them until the rest fits. Slaves are bounded by limits of
//! their own, and clients with CLIENT NO-EVICT are never closed; both count.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pika_core::config::{Config, Portion, options};

use crate::message::Kill;
use crate::state::{ClientHandle, State, lock, now_ms};

/// What a client takes that has sent nothing: its actor, its session, and what the runtime keeps for it; bytes.
pub const IDLE_CLIENT: usize = 2048;
/// What a watched key, a channel, a pattern, a prefix takes beside its name, about; bytes.
pub const ENTRY: usize = 96;
/// How long nobody looks again after nobody was found whom to close; ms.
const PAUSE_MS: u64 = 10;

/// The sum, and its limit.
#[derive(Debug)]
pub struct Eviction {
    /// Bytes; `usize::MAX`: no limit.
    limit: AtomicUsize,
    /// Of what clients noted while there was a limit.
    total: AtomicUsize,
    /// Until when nobody looks; Unix time in ms.
    futile_until: AtomicU64,
    /// One at a time looks for whom to close.
    looking: Mutex<()>,
}

impl Default for Eviction {
    fn default() -> Eviction {
        Eviction {
            limit: AtomicUsize::new(usize::MAX),
            total: AtomicUsize::new(0),
            futile_until: AtomicU64::new(0),
            looking: Mutex::default(),
        }
    }
}

/// What a client holds, as others see it.
#[derive(Debug, Default)]
pub struct Held {
    /// As of its last read or write; bytes.
    pub memory: AtomicUsize,
    /// The part of the sum that is its own.
    counted: AtomicUsize,
    /// It is closed for what it holds: nothing of it counts any more.
    pub evicted: std::sync::atomic::AtomicBool,
}

/// The limit of a configuration; `usize::MAX` for none. A percentage is of `memory-budget`, `budget` bytes.
fn limit_of(config: &Config, budget: u64) -> usize {
    let bytes = match config.get(options::MAXMEMORY_CLIENTS) {
        Portion::Bytes(bytes) => bytes,
        Portion::Percent(percent) => budget / 100 * percent,
    };
    if bytes == 0 { usize::MAX } else { usize::try_from(bytes).unwrap_or(usize::MAX) }
}

impl Eviction {
    /// Whether there is a limit.
    pub fn is_on(&self) -> bool {
        self.limit.load(Ordering::Relaxed) != usize::MAX
    }

    /// A client holds so much now. Whether all together hold too much.
    pub fn note(&self, held: &Held, memory: usize) -> bool {
        held.memory.store(memory, Ordering::Relaxed);
        self.is_on() && self.count(held, memory) > self.limit.load(Ordering::Relaxed)
    }

    /// A client is gone.
    pub fn forget(&self, held: &Held) {
        self.count(held, 0);
    }

    /// Replaces a client's part of the sum; the sum.
    fn count(&self, held: &Held, memory: usize) -> usize {
        let before = held.counted.swap(memory, Ordering::AcqRel);
        // Wrapping: of two that change one client's part at once, either may come first.
        let change = memory.wrapping_sub(before);
        self.total.fetch_add(change, Ordering::AcqRel).wrapping_add(change)
    }
}

/// Takes over the limit of a configuration, and closes who is too much for it.
pub fn configure(state: &State, config: &Config) {
    let eviction = &state.eviction;
    eviction.limit.store(limit_of(config, state.budget.total), Ordering::Relaxed);
    eviction.futile_until.store(0, Ordering::Relaxed);
    if eviction.is_on() {
        enforce(state);
    }
}

/// Closes the largest clients until the others take no more than they may.
pub fn enforce(state: &State) {
    let eviction = &state.eviction;
    let now = now_ms();
    if now < eviction.futile_until.load(Ordering::Relaxed) {
        return;
    }
    let Ok(_looking) = eviction.looking.try_lock() else { return };
    let limit = eviction.limit.load(Ordering::Relaxed);
    let mut total = 0;
    let mut candidates: Vec<(usize, Arc<ClientHandle>)> = Vec::new();
    for client in lock(&state.clients).values().filter(|client| !is_evicted(client)) {
        let memory = client.held.memory.load(Ordering::Relaxed);
        // What was noted before there was a limit is not in the sum yet.
        eviction.count(&client.held, memory);
        total += memory;
        let session = lock(&client.session);
        if !session.no_evict && !session.is_replica {
            candidates.push((memory, client.clone()));
        }
    }
    candidates.sort_unstable_by_key(|(memory, client)| {
        (std::cmp::Reverse(*memory), client.fd.load(Ordering::Relaxed))
    });
    for (memory, client) in candidates {
        if total <= limit {
            return;
        }
        let Some(address) = client.address.get() else { continue };
        client.held.evicted.store(true, Ordering::Release);
        eviction.forget(&client.held);
        state.counters.evicted_clients.fetch_add(1, Ordering::Relaxed);
        slog::info!(state.logger, "closing a client: all together hold more than maxmemory-clients";
            "client" => &lock(&client.session).address, "memory" => memory);
        address.do_send(Kill);
        total -= memory;
    }
    if total > limit {
        eviction.futile_until.store(now + PAUSE_MS, Ordering::Relaxed);
    }
}

/// Whether a client is being closed for what it holds.
pub fn is_evicted(client: &ClientHandle) -> bool {
    client.held.evicted.load(Ordering::Acquire)
}
