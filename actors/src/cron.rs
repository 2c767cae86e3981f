//! What happens once a second: idle clients, rates, the disk's room, the most memory in use.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pika_core::config::options;

use crate::state::{Blocking, State, lock, now_ms};
use crate::system;

/// After so long without a command a client's buffers are given back; ms.
const IDLE_MS: u64 = 2000;

/// Starts the thread.
pub fn start(state: Arc<State>) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("pika-cron".into())
        .spawn(move || {
            let mut last = [0u64; 3];
            while !state.stopping.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_secs(1));
                let counters = &state.counters;
                let now = [
                    counters.commands.load(Ordering::Relaxed),
                    counters.input_bytes.load(Ordering::Relaxed),
                    counters.output_bytes.load(Ordering::Relaxed),
                ];
                *lock(&state.rates) =
                    std::array::from_fn(|index| now[index].saturating_sub(last[index]) as f64);
                last = now;
                close_idle(&state);
                shrink_idle(&state);
                if state.eviction.is_on() {
                    crate::eviction::enforce(&state);
                }
                state.links.sweep();
                check_disk(&state);
            }
        })
        .map(|_| ())
}

/// Closes clients that have been silent for `timeout`: but not those that wait for something, as in Redis.
fn close_idle(state: &State) {
    let timeout = u64::from(state.config().get(options::TIMEOUT));
    if timeout == 0 {
        return;
    }
    let now = now_ms();
    for client in lock(&state.clients).values() {
        let waits = *lock(&client.blocked) != Blocking::No;
        let session = lock(&client.session);
        if now.saturating_sub(session.active_ms) > timeout * 1000
            && !waits
            && !session.is_replica
            && session.subscriptions.is_empty()
            && let Some(address) = client.address.get()
        {
            address.do_send(crate::message::Kill);
        }
    }
}

/// Has clients that sent nothing for a while give back their buffers.
fn shrink_idle(state: &State) {
    let now = now_ms();
    for client in lock(&state.clients).values() {
        if client.input_capacity.load(Ordering::Relaxed) > 0
            && now.saturating_sub(lock(&client.session).active_ms) > IDLE_MS
            && let Some(address) = client.address.get()
        {
            address.do_send(crate::message::Shrink);
        }
    }
}

fn check_disk(state: &State) {
    let config = state.config();
    let reserve = config.get(options::DISK_RESERVE);
    let (free, _) = system::disk(Path::new(config.get(options::DIR)));
    let full = free < reserve;
    if full != state.disk_full.swap(full, Ordering::AcqRel) {
        if full {
            slog::error!(state.logger, "the disk has less room than disk-reserve: writes are refused";
                "free" => free, "disk-reserve" => reserve);
        } else {
            slog::info!(state.logger, "the disk has room again: writes are accepted"; "free" => free);
        }
    }
}
