//! The numbers behind INFO, gathered from the partitions, the store and the operating system.

use std::sync::atomic::Ordering;

use pika_core::config::options;
use pika_core::engine::{Engine, Family};
use pika_core::info::{self, Numbers, Statistics};

use super::Service;
use crate::message::Report;
use crate::state::{State, lock};
use crate::system;

impl Service {
    pub(super) fn memory(&self, numbers: &mut Numbers, reports: &[Report]) {
        let state = &self.state;
        let memory = &mut numbers.memory;
        // Statistics of the allocator are as of the last epoch.
        let _ = tikv_jemalloc_ctl::epoch::advance();
        memory.allocated = tikv_jemalloc_ctl::stats::allocated::read().unwrap_or(0) as u64;
        memory.active = tikv_jemalloc_ctl::stats::active::read().unwrap_or(0) as u64;
        memory.resident = tikv_jemalloc_ctl::stats::resident::read().unwrap_or(0) as u64;
        memory.used = memory.allocated;
        memory.peak = state.peak_memory.fetch_max(memory.used, Ordering::Relaxed).max(memory.used);
        memory.rss = system::resident_bytes();
        memory.total_system = system::memory_limit();
        memory.budget = state.budget.total;
        memory.overlay = reports.iter().map(|report| report.dirty_bytes as u64).sum();
        let all: u64 = reports.iter().map(|report| report.memory_bytes as u64).sum();
        // What is on its way to RocksDB may have been written anew since: it counts among the overlay only.
        memory.cache = all.saturating_sub(memory.overlay);
        let functions = state.shared.functions();
        memory.functions = functions.function_count() as u64;
        let (scripts, bytes) = state.shared.scripts.size();
        (memory.scripts, memory.script_bytes) = (scripts as u64, bytes as u64);
        let (cache, pinned) = state.engine.cache_usage();
        memory.block_cache = cache as u64;
        memory.block_cache_pinned = pinned as u64;
        memory.memtables = state.engine.property("rocksdb.cur-size-all-mem-tables").unwrap_or(0);
        memory.table_readers = state.engine.property("rocksdb.estimate-table-readers-mem").unwrap_or(0);
        let clients = lock(&state.clients);
        memory.clients = clients
            .values()
            .map(|client| {
                (client.output_bytes.load(Ordering::Relaxed) + client.input_bytes.load(Ordering::Relaxed))
                    as u64
            })
            .sum();
    }

    pub(super) fn stats(&self, numbers: &mut Numbers, reports: &[Report]) {
        let counters = &self.state.counters;
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let stats = &mut numbers.stats;
        stats.connections = get(&counters.connections);
        stats.rejected_connections = get(&counters.rejected_connections);
        stats.commands = get(&counters.commands);
        stats.input_bytes = get(&counters.input_bytes);
        stats.output_bytes = get(&counters.output_bytes);
        stats.reads = get(&counters.reads);
        stats.writes = get(&counters.writes);
        stats.disk_waits = get(&counters.disk_waits);
        stats.migrate_sockets = self.state.links.count();
        stats.evicted_clients = get(&counters.evicted_clients);
        stats.output_limit_disconnections = get(&counters.output_limit_disconnections);
        stats.long_reply_disconnections = get(&counters.long_replies_given_up);
        stats.compacting = self.state.compacting.load(Ordering::Relaxed);
        let [ops, input, output] = *lock(&self.state.rates);
        (stats.ops_per_sec, stats.input_kbps, stats.output_kbps) =
            (ops as u64, input / 1024.0, output / 1024.0);
        for report in reports {
            stats.expired_keys += report.stats.expired_keys;
            stats.expired_fields += report.stats.expired_fields;
            stats.hits += report.stats.keyspace_hits;
            stats.misses += report.stats.keyspace_misses;
        }
    }

    pub(super) fn persistence(&self, numbers: &mut Numbers, reports: &[Report]) {
        let facts = self.state.log.facts();
        let flushed = self.state.write_behind.flushed.load(Ordering::Acquire);
        let changes: u64 = reports.iter().map(|report| report.stats.changes).sum();
        let progress = lock(&self.state.backup);
        let persistence = &mut numbers.persistence;
        persistence.changes_since_save = changes.saturating_sub(progress.changes_at_last);
        persistence.saving = progress.running_since.is_some();
        persistence.last_save_s = progress.last_save_s;
        persistence.last_save_failed = progress.last_failed;
        persistence.last_save_duration_s = progress.last_duration_s;
        persistence.current_save_duration_s = progress.running_since.map(|since| since.elapsed().as_secs());
        persistence.saves = progress.saves;
        persistence.log_bytes = facts.bytes;
        persistence.log_unsynced_bytes = facts.written_offset - facts.synced_offset;
        persistence.replayed_records = self.state.started.replayed_records;
        persistence.truncated_bytes = self.state.started.cut_bytes;
        let binlog = &mut numbers.binlog;
        binlog.segments = facts.segments as u64;
        binlog.bytes = facts.bytes;
        binlog.first_offset = facts.oldest_offset;
        binlog.end_offset = facts.written_offset;
        binlog.synced_offset = facts.synced_offset;
        binlog.flushed_offset = flushed;
        binlog.epoch = u64::from(facts.epoch);
        binlog.pins = lock(&self.state.log.pins).iter().map(|pin| (pin.name.clone(), pin.offset)).collect();
        {
            let history = lock(&self.state.replication.history);
            numbers.replication.id = history.id().to_string();
            numbers.replication.earlier =
                history.earlier().first().map(|earlier| (earlier.id.to_string(), earlier.until));
        }
        let (limits, now) = (crate::replication::limits(&self.state.config()), crate::state::now_ms());
        let master = lock(&self.state.replication.master);
        let matters = limits.min_replicas > 0 && limits.max_lag_s > 0;
        numbers.replication.good = matters.then(|| master.good(&limits, now));
        numbers.replication.replicas = master.replicas().map(|(_, replica)| replica.clone()).collect();
        numbers.replication.syncs = master.counters;
        numbers.replication.now_ms = now;
        numbers.replication.output_bytes =
            self.state.counters.replication_output_bytes.load(Ordering::Relaxed);
        drop(master);
        numbers.replication.verify = crate::verify::status(self);
        numbers.replication.offset = facts.written_offset;
        numbers.replication.backlog = facts.written_offset - facts.oldest_offset;
    }

    pub(super) fn data(&self, numbers: &mut Numbers, reports: &[Report]) {
        let config = self.state.config();
        let folder = std::path::Path::new(config.get(options::DIR));
        let data = &mut numbers.data;
        data.db_size = system::folder_bytes(&folder.join("rocksdb"));
        (data.disk_free, data.disk_total) = system::disk(folder);
        data.compression = self.state.engine.options().compression.clone();
        data.writes_refused = self.state.disk_full.load(Ordering::Relaxed);
        if data.writes_refused {
            data.refused_reason = "less room on the disk than disk-reserve".into();
        }
        data.write_behind_bytes = reports.iter().map(|report| report.dirty_bytes as u64).sum();
        let progress = lock(&self.state.compaction);
        data.compaction = info::CompactionNumbers {
            done: progress.done as u64,
            pieces: progress.pieces as u64,
            current_s: progress.running_since.map(|since| since.elapsed().as_secs()),
            last_s: progress.last.map(|time| time.as_secs()),
        };
        drop(progress);
        data.pending_compaction_bytes =
            self.state.engine.property("rocksdb.estimate-pending-compaction-bytes").unwrap_or(0);
    }

    pub(super) fn rocksdb(&self, numbers: &mut Numbers, reports: &[Report]) {
        const PROPERTIES: [&str; 12] = [
            "estimate-num-keys",
            "num-running-flushes",
            "num-running-compactions",
            "num-immutable-mem-table",
            "cur-size-all-mem-tables",
            "estimate-pending-compaction-bytes",
            "live-sst-files-size",
            "total-sst-files-size",
            "num-snapshots",
            "background-errors",
            "is-write-stopped",
            "actual-delayed-write-rate",
        ];
        for name in PROPERTIES {
            let value = self.state.engine.property(&format!("rocksdb.{name}")).unwrap_or(0);
            numbers.rocksdb.push((name.replace('-', "_"), value.to_string()));
        }
        for family in Family::ALL {
            let files = (0..7)
                .filter_map(|level| {
                    self.state.engine.property_text(family, &format!("rocksdb.num-files-at-level{level}"))
                })
                .collect::<Vec<_>>();
            numbers.rocksdb.push((format!("{}_files_by_level", family.name()), files.join("/")));
        }
        for report in reports {
            let value = format!(
                "entries={},memory={},dirty={},engine_reads={},disk_reads={},evicted={}",
                report.entries,
                report.memory_bytes,
                report.dirty_bytes,
                report.stats.engine_reads,
                report.stats.disk_reads,
                report.stats.evicted_entries
            );
            numbers.rocksdb.push((format!("partition{}", report.index), value));
        }
    }

    pub(super) fn keyspace(&self, numbers: &mut Numbers, reports: &[Report]) {
        let Some(namespaces) = reports.iter().find_map(|report| report.namespaces.as_ref()) else { return };
        let (expiries, now_ms) = (lock(&self.state.expiries), crate::state::now_ms());
        for database in 0..namespaces.databases() {
            let namespace = namespaces.of(database);
            let mut found = info::DatabaseNumbers::default();
            for report in reports {
                found.counts.add(&report.counts.of(namespace));
            }
            if let Some(surveyed) = expiries.get(&namespace) {
                found.with_field_expiry = surveyed.hashes() as i64;
                found.mean_ttl_ms = surveyed.mean_ttl_ms(now_ms);
            }
            if found.counts.keys() > 0 {
                numbers.keyspace.push((database, found));
            }
        }
    }
}

pub(super) fn merged(state: &State, reports: &[Report]) -> Statistics {
    let mut sum = lock(&state.admin_statistics).clone();
    reports.iter().for_each(|report| sum.merge(&report.statistics));
    sum
}
