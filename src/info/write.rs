//! How INFO is written.

mod replication;

use std::fmt::{Display, Write};

use super::{Numbers, REDIS_VERSION, Section, Sections};
use crate::commands::table;
use crate::config::Config;
use crate::config::options::{HZ, LATENCY_TRACKING_INFO_PERCENTILES, MAXCLIENTS, PORT, TLS_PORT};
use crate::encoding::meta::Type;
use crate::server::{Identity, Server};

/// The text of INFO: the wanted sections, each with a heading; lines end in `\r\n`, an empty one stands between.
pub fn write(server: &dyn Server, numbers: &Numbers, wanted: &Sections, now_us: u64) -> String {
    let config = server.config();
    let mut out = Lines::default();
    for section in wanted.iter() {
        out.heading(section);
        match section {
            Section::Server => write_server(&mut out, server.identity(), &config, now_us),
            Section::Data => write_data(&mut out, numbers),
            Section::Clients => write_clients(&mut out, numbers, &config),
            Section::Memory => write_memory(&mut out, numbers, &config),
            Section::Persistence => write_persistence(&mut out, numbers),
            Section::Stats => write_stats(&mut out, numbers),
            Section::Replication => {
                let (link, failover) = (server.master_link(), server.failover_state());
                replication::write(&mut out, numbers, link.as_ref(), failover, &config, now_us / 1000);
            }
            Section::Binlog => write_binlog(&mut out, numbers),
            Section::Cpu => write_cpu(&mut out, numbers),
            Section::Modules => {}
            Section::Commandstats => write_commandstats(&mut out, numbers),
            Section::Errorstats => {
                for (code, count) in numbers.commands.errors() {
                    out.line(format_args!("errorstat_{code}"), format_args!("count={count}"));
                }
            }
            Section::Latencystats => write_latencystats(&mut out, numbers, &config),
            Section::Cluster => out.line("cluster_enabled", 0),
            Section::Keyspace => write_keyspace(&mut out, numbers, wanted.by_type),
            Section::Rocksdb => {
                for (name, value) in &numbers.rocksdb {
                    out.line(name, value.replace(['\r', '\n'], " "));
                }
            }
        }
    }
    out.text
}

/// A number of bytes for people: `1.50M`.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.2}{}", UNITS[unit])
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn heading(&mut self, section: Section) {
        let gap = if self.text.is_empty() { "" } else { "\r\n" };
        // Writing into a string does not fail.
        let _ = write!(self.text, "{gap}# {}\r\n", section.title());
    }

    fn line(&mut self, name: impl Display, value: impl Display) {
        let _ = write!(self.text, "{name}:{value}\r\n");
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.line(name, u8::from(value));
    }

    /// A number of bytes, and again for people.
    fn bytes(&mut self, name: &str, value: u64) {
        self.line(name, value);
        self.line(format_args!("{name}_human"), human(value));
    }

    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.line(name, 0));
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn write_server(out: &mut Lines, identity: &Identity, config: &Config, now_us: u64) {
    let uptime = (now_us / 1000).saturating_sub(identity.started_ms) / 1000;
    out.line("redis_version", REDIS_VERSION);
    out.line("redis_git_sha1", &identity.git_sha);
    out.flag("redis_git_dirty", identity.git_dirty);
    out.line("redis_build_id", &identity.git_sha);
    out.line("pika_version", &identity.version);
    out.line("pika_git_sha", &identity.git_sha);
    out.line("redis_mode", "standalone");
    out.line("os", &identity.os);
    out.line("arch_bits", usize::BITS);
    out.line("multiplexing_api", "epoll");
    out.line("process_id", identity.process_id);
    out.line("process_supervised", "no");
    out.line("run_id", &identity.run_id);
    let port = config.get(PORT);
    out.line("tcp_port", if port == 0 { config.get(TLS_PORT) } else { port });
    out.line("server_time_usec", now_us);
    out.line("uptime_in_seconds", uptime);
    out.line("uptime_in_days", uptime / 86_400);
    out.line("hz", config.get(HZ));
    out.line("configured_hz", config.get(HZ));
    out.line("lru_clock", now_us / 1_000_000 % (1 << 24));
    out.line("executable", &identity.executable);
    out.line("config_file", &identity.config_file);
    out.line("partitions", identity.partitions);
    out.line("io_threads_active", 0);
}

fn write_data(out: &mut Lines, numbers: &Numbers) {
    let data = &numbers.data;
    out.bytes("db_size", data.db_size);
    out.bytes("log_size", numbers.binlog.bytes);
    out.bytes("backup_size", data.backup_size);
    out.bytes("disk_free", data.disk_free);
    out.bytes("disk_total", data.disk_total);
    out.line("compression", &data.compression);
    out.line("write_behind_bytes", data.write_behind_bytes);
    out.line("pending_compaction_bytes", data.pending_compaction_bytes);
    out.flag("is_compact", numbers.stats.compacting);
    let seconds = |time: Option<u64>| time.map_or(-1, |time| i64::try_from(time).unwrap_or(i64::MAX));
    out.line("compact_pieces_done", data.compaction.done);
    out.line("compact_pieces", data.compaction.pieces);
    out.line("compact_current_time_sec", seconds(data.compaction.current_s));
    out.line("compact_last_time_sec", seconds(data.compaction.last_s));
    out.flag("db_fatal", data.writes_refused);
    out.line("db_fatal_msg", data.refused_reason.replace(['\r', '\n'], " "));
}

fn write_clients(out: &mut Lines, numbers: &Numbers, config: &Config) {
    let clients = &numbers.clients;
    out.line("connected_clients", clients.connected);
    out.line("cluster_connections", 0);
    out.line("maxclients", config.get(MAXCLIENTS));
    out.line("client_recent_max_input_buffer", clients.max_input_buffer);
    out.line("client_recent_max_output_buffer", clients.max_output_buffer);
    out.line("blocked_clients", clients.blocked);
    out.line("paused_clients", clients.paused);
    out.line("tracking_clients", clients.tracking);
    out.line("pubsub_clients", clients.pubsub);
    out.line("clients_in_timeout_table", clients.in_timeout_table);
}

fn write_memory(out: &mut Lines, numbers: &Numbers, config: &Config) {
    let memory = &numbers.memory;
    let overhead = memory.startup + memory.clients + memory.log_buffer + memory.table_readers;
    let dataset = memory.used.saturating_sub(overhead);
    let net = memory.used.saturating_sub(memory.startup);
    out.bytes("used_memory", memory.used);
    out.bytes("used_memory_rss", memory.rss);
    out.bytes("used_memory_peak", memory.peak);
    out.line("used_memory_peak_perc", format_args!("{:.2}%", ratio(memory.used, memory.peak) * 100.0));
    out.line("used_memory_overhead", overhead);
    out.line("used_memory_startup", memory.startup);
    out.line("used_memory_dataset", dataset);
    out.line("used_memory_dataset_perc", format_args!("{:.2}%", ratio(dataset, net) * 100.0));
    out.line("allocator_allocated", memory.allocated);
    out.line("allocator_active", memory.active);
    out.line("allocator_resident", memory.resident);
    out.bytes("total_system_memory", memory.total_system);
    out.zeros(&["used_memory_lua"]);
    out.line("used_memory_scripts", memory.script_bytes);
    out.line("number_of_cached_scripts", memory.scripts);
    out.line("number_of_functions", memory.functions);
    out.bytes("memory_budget", memory.budget);
    out.bytes("overlay_memory", memory.overlay);
    out.bytes("cache_memory", memory.cache);
    out.bytes("block_cache_memory", memory.block_cache);
    out.line("block_cache_pinned", memory.block_cache_pinned);
    out.bytes("db_memtable_usage", memory.memtables);
    out.bytes("db_tablereader_usage", memory.table_readers);
    out.bytes("maxmemory", option(config, "maxmemory").parse().unwrap_or(0));
    out.line("maxmemory_policy", option(config, "maxmemory-policy"));
    out.line("allocator_frag_ratio", format_args!("{:.2}", ratio(memory.active, memory.allocated)));
    out.line("allocator_frag_bytes", memory.active.saturating_sub(memory.allocated));
    out.line("allocator_rss_ratio", format_args!("{:.2}", ratio(memory.resident, memory.active)));
    out.line("allocator_rss_bytes", memory.resident.saturating_sub(memory.active));
    out.line("rss_overhead_ratio", format_args!("{:.2}", ratio(memory.rss, memory.resident)));
    out.line("rss_overhead_bytes", memory.rss as i64 - memory.resident as i64);
    out.line("mem_fragmentation_ratio", format_args!("{:.2}", ratio(memory.rss, memory.used)));
    out.line("mem_fragmentation_bytes", memory.rss as i64 - memory.used as i64);
    out.zeros(&["mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers"]);
    out.zeros(&["mem_clients_slaves"]);
    out.line("mem_clients_normal", memory.clients);
    out.zeros(&["mem_cluster_links"]);
    out.line("mem_aof_buffer", memory.log_buffer);
    out.line("mem_allocator", "jemalloc");
    out.zeros(&["active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects"]);
}

/// The value of an option that nothing here reads.
fn option(config: &Config, name: &str) -> String {
    let mut found = config.show(&[name.as_bytes()], |_, _| false);
    found.pop().map_or_else(String::new, |(_, value)| value)
}

fn write_persistence(out: &mut Lines, numbers: &Numbers) {
    let facts = &numbers.persistence;
    let seconds = |time: Option<u64>| time.map_or(-1, |time| i64::try_from(time).unwrap_or(i64::MAX));
    let status = |failed: bool| if failed { "err" } else { "ok" };
    out.flag("loading", facts.loading);
    out.zeros(&["async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age"]);
    out.line("current_fork_perc", "0.00");
    out.zeros(&["current_save_keys_processed", "current_save_keys_total"]);
    out.line("rdb_changes_since_last_save", facts.changes_since_save);
    out.flag("rdb_bgsave_in_progress", facts.saving);
    out.line("rdb_last_save_time", facts.last_save_s);
    out.line("rdb_last_bgsave_status", status(facts.last_save_failed));
    out.line("rdb_last_bgsave_time_sec", seconds(facts.last_save_duration_s));
    out.line("rdb_current_bgsave_time_sec", seconds(facts.current_save_duration_s));
    out.line("rdb_saves", facts.saves);
    out.zeros(&["rdb_last_cow_size", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded"]);
    // The log is what Redis calls AOF; it is always there, and never rewritten.
    out.flag("aof_enabled", true);
    out.zeros(&["aof_rewrite_in_progress", "aof_rewrite_scheduled"]);
    out.line("aof_last_rewrite_time_sec", -1);
    out.line("aof_current_rewrite_time_sec", -1);
    out.line("aof_last_bgrewrite_status", "ok");
    out.zeros(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
    out.line("aof_last_write_status", status(facts.log_write_failed));
    out.zeros(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
    out.line("aof_current_size", facts.log_bytes);
    out.line("aof_base_size", 0);
    out.zeros(&["aof_pending_rewrite"]);
    out.line("aof_buffer_length", facts.log_unsynced_bytes);
    out.line("aof_pending_bio_fsync", facts.pending_syncs);
    out.line("aof_delayed_fsync", facts.delayed_syncs);
    out.line("binlog_replayed_records", facts.replayed_records);
    out.line("binlog_truncated_bytes", facts.truncated_bytes);
}

fn write_stats(out: &mut Lines, numbers: &Numbers) {
    let stats = &numbers.stats;
    out.line("total_connections_received", stats.connections);
    out.line("total_commands_processed", stats.commands);
    out.line("instantaneous_ops_per_sec", stats.ops_per_sec);
    out.line("total_net_input_bytes", stats.input_bytes);
    out.line("total_net_output_bytes", stats.output_bytes);
    out.zeros(&["total_net_repl_input_bytes"]);
    out.line("total_net_repl_output_bytes", numbers.replication.output_bytes);
    out.line("instantaneous_input_kbps", format_args!("{:.2}", stats.input_kbps));
    out.line("instantaneous_output_kbps", format_args!("{:.2}", stats.output_kbps));
    out.line("instantaneous_input_repl_kbps", "0.00");
    out.line("instantaneous_output_repl_kbps", "0.00");
    out.line("rejected_connections", stats.rejected_connections);
    let syncs = numbers.replication.syncs;
    out.line("sync_full", syncs.full);
    out.line("sync_partial_ok", syncs.partial);
    out.line("sync_partial_err", syncs.refused);
    out.line("sync_refetch", syncs.refetches);
    out.line("expired_keys", stats.expired_keys);
    out.line("expired_subkeys", stats.expired_fields);
    out.line("expired_stale_perc", "0.00");
    out.zeros(&["expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds"]);
    out.line("evicted_keys", 0);
    out.line("evicted_clients", stats.evicted_clients);
    out.zeros(&["total_eviction_exceeded_time"]);
    out.zeros(&["current_eviction_exceeded_time"]);
    out.line("keyspace_hits", stats.hits);
    out.line("keyspace_misses", stats.misses);
    out.line("pubsub_channels", stats.channels);
    out.line("pubsub_patterns", stats.patterns);
    out.line("pubsubshard_channels", stats.shard_channels);
    out.zeros(&["latest_fork_usec"]);
    out.zeros(&["total_forks"]);
    out.line("migrate_cached_sockets", stats.migrate_sockets);
    out.zeros(&["slave_expires_tracked_keys"]);
    out.zeros(&["active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits"]);
    out.zeros(&["active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"]);
    out.line("tracking_total_keys", stats.tracked_keys);
    out.line("tracking_total_items", stats.tracked_items);
    out.line("tracking_total_prefixes", stats.tracked_prefixes);
    out.zeros(&["unexpected_error_replies"]);
    out.line("total_error_replies", numbers.commands.error_replies);
    out.zeros(&["dump_payload_sanitizations"]);
    out.line("total_reads_processed", stats.reads);
    out.line("total_writes_processed", stats.writes);
    out.zeros(&["io_threaded_reads_processed", "io_threaded_writes_processed"]);
    out.line("client_output_buffer_limit_disconnections", stats.output_limit_disconnections);
    out.line("long_reply_disconnections", stats.long_reply_disconnections);
    out.zeros(&["reply_buffer_shrinks", "reply_buffer_expands"]);
    out.line("commands_waited_for_disk", stats.disk_waits);
}

fn write_binlog(out: &mut Lines, numbers: &Numbers) {
    let log = &numbers.binlog;
    out.line("binlog_segments", log.segments);
    out.line("binlog_bytes", log.bytes);
    out.line("binlog_first_offset", log.first_offset);
    out.line("binlog_end_offset", log.end_offset);
    out.line("binlog_synced_offset", log.synced_offset);
    out.line("binlog_flushed_offset", log.flushed_offset);
    out.line("binlog_epoch", log.epoch);
    for (index, (name, offset)) in log.pins.iter().enumerate() {
        out.line(format_args!("binlog_pin{index}"), format_args!("name={name},offset={offset}"));
    }
}

fn write_cpu(out: &mut Lines, numbers: &Numbers) {
    let cpu = &numbers.cpu;
    for (name, seconds) in [
        ("used_cpu_sys", cpu.system),
        ("used_cpu_user", cpu.user),
        ("used_cpu_sys_children", cpu.system_children),
        ("used_cpu_user_children", cpu.user_children),
    ] {
        out.line(name, format_args!("{seconds:.6}"));
    }
}

fn write_commandstats(out: &mut Lines, numbers: &Numbers) {
    for (id, counters) in numbers.commands.commands() {
        let Some(entry) = table::entries().get(id) else { continue };
        if counters.calls == 0 && counters.rejected == 0 {
            continue;
        }
        out.line(
            format_args!("cmdstat_{}", entry.full_name),
            format_args!(
                "calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}",
                counters.calls,
                counters.micros,
                ratio(counters.micros, counters.calls),
                counters.rejected,
                counters.failed
            ),
        );
    }
}

fn write_latencystats(out: &mut Lines, numbers: &Numbers, config: &Config) {
    let percentiles = config.get(LATENCY_TRACKING_INFO_PERCENTILES);
    for (id, counters) in numbers.commands.commands() {
        let Some(entry) = table::entries().get(id).filter(|_| counters.latency.count() > 0) else { continue };
        let shown: Vec<String> = percentiles
            .iter()
            .map(|percent| format!("p{percent}={:.3}", counters.latency.percentile(*percent) as f64 / 1000.0))
            .collect();
        out.line(format_args!("latency_percentiles_usec_{}", entry.full_name), shown.join(","));
    }
}

fn write_keyspace(out: &mut Lines, numbers: &Numbers, by_type: bool) {
    for (database, facts) in &numbers.keyspace {
        let keys = facts.counts.keys();
        if keys <= 0 {
            continue;
        }
        let mut line =
            format!("keys={keys},expires={},avg_ttl={}", facts.counts.with_expiry, facts.mean_ttl_ms);
        if facts.with_field_expiry > 0 {
            let _ = write!(line, ",subexpiry={}", facts.with_field_expiry);
        }
        out.line(format_args!("db{database}"), line);
        if by_type {
            let types: Vec<String> = Type::ALL
                .iter()
                .map(|kind| format!("{}={}", kind.name(), facts.counts.by_type[*kind as usize]))
                .collect();
            out.line(format_args!("db{database}_types"), types.join(","));
        }
    }
}

#[cfg(test)]
mod tests;
