//! INFO's section about replication.

use super::super::Numbers;
use super::Lines;
use crate::config::Config;
use crate::config::options::{REPLICA_ANNOUNCED, REPLICA_PRIORITY, REPLICA_READ_ONLY};
use crate::replication::master;
use crate::replication::slave::Stage;
use crate::replication::verify::{State, Status};
use crate::replication::{MasterLink, ReplicationId};

pub(super) fn write(
    out: &mut Lines,
    numbers: &Numbers,
    link: Option<&MasterLink>,
    failover_state: &str,
    config: &Config,
    now_ms: u64,
) {
    let facts = &numbers.replication;
    out.line("role", if link.is_some() { "slave" } else { "master" });
    if let Some(link) = link {
        write_link(out, link, config, now_ms);
    }
    out.line("connected_slaves", facts.replicas.len());
    if let Some(good) = facts.good {
        out.line("min_slaves_good_slaves", good);
    }
    for (index, replica) in facts.replicas.iter().enumerate() {
        let lag = if replica.stage == master::Stage::Online { replica.lag_s(facts.now_ms) } else { 0 };
        out.line(
            format_args!("slave{index}"),
            format_args!(
                "ip={},port={},state={},offset={},lag={lag}",
                replica.ip(),
                replica.announced.port,
                replica.stage.name(),
                replica.acknowledged,
            ),
        );
    }
    out.line("master_failover_state", failover_state);
    out.line("master_replid", &facts.id);
    let (second, until) = match &facts.earlier {
        // As in PSYNC, the first offset that no longer is the same.
        Some((id, until)) => (id.clone(), i64::try_from(until + 1).unwrap_or(i64::MAX)),
        None => (ReplicationId::NONE.to_string(), -1),
    };
    out.line("master_replid2", second);
    out.line("master_repl_offset", facts.offset);
    out.line("second_repl_offset", until);
    out.flag("repl_backlog_active", facts.backlog > 0);
    out.line("repl_backlog_size", facts.backlog);
    let first = if facts.backlog > 0 { facts.offset.saturating_sub(facts.backlog) + 1 } else { 0 };
    out.line("repl_backlog_first_byte_offset", first);
    out.line("repl_backlog_histlen", facts.backlog);
    write_verify(out, &facts.verify, now_ms);
}

/// VERIFY, once there was one.
fn write_verify(out: &mut Lines, status: &Status, now_ms: u64) {
    if status.state == State::None {
        return;
    }
    out.line("verify_state", status.state.name());
    out.line("verify_with", status.with.replace(['\r', '\n'], " "));
    out.line("verify_perc", status.percent());
    out.line("verify_took_ms", status.took_ms(now_ms));
    out.line("verify_keys", status.keys);
    out.line("verify_different", status.different);
    out.line("verify_repaired", status.repaired);
    out.line("verify_changing", status.changing);
    out.line("verify_functions", status.functions());
    out.line("verify_error", status.error.replace(['\r', '\n'], " "));
}

/// What a slave tells of its master.
fn write_link(out: &mut Lines, link: &MasterLink, config: &Config, now_ms: u64) {
    let ago_s = |then_ms: u64| now_ms.saturating_sub(then_ms) / 1000;
    let syncs = link.stage == Stage::Sync;
    out.line("master_host", &link.host);
    out.line("master_port", link.port);
    out.line("master_link_status", if link.is_up() { "up" } else { "down" });
    match link.is_up() || syncs {
        true => out.line("master_last_io_seconds_ago", ago_s(link.last_received_ms)),
        false => out.line("master_last_io_seconds_ago", -1),
    }
    out.flag("master_sync_in_progress", syncs);
    out.line("slave_read_repl_offset", link.received);
    out.line("slave_repl_offset", link.offset);
    if syncs {
        let (total, received) = (link.sync_total.unwrap_or(0), link.sync_received);
        out.line("master_sync_total_bytes", total);
        out.line("master_sync_read_bytes", received);
        let left = link.sync_total.map_or(-1, |total| total.saturating_sub(received).cast_signed());
        out.line("master_sync_left_bytes", left);
        let percent = if total == 0 { 0.0 } else { received as f64 / total as f64 * 100.0 };
        out.line("master_sync_perc", format_args!("{percent:.2}"));
        out.line("master_sync_last_io_seconds_ago", ago_s(link.last_received_ms));
        out.line("master_sync_loaded_bytes", link.sync_loaded);
        out.line("master_sync_loaded_keys", link.sync_keys);
        if let Some((done, of)) = link.sync_files {
            out.line("master_sync_files", of);
            out.line("master_sync_files_done", done);
            out.line("master_sync_kept_bytes", link.sync_kept);
            let moved = received.saturating_sub(link.sync_kept);
            let rate = moved * 1000 / now_ms.saturating_sub(link.sync_began_ms).max(1);
            out.line("master_sync_bytes_per_second", rate);
            match (total.saturating_sub(received)).checked_div(rate) {
                Some(seconds) => out.line("master_sync_seconds_left", seconds),
                None => out.line("master_sync_seconds_left", -1),
            }
        }
    }
    if let Some(since_ms) = link.down_since_ms {
        out.line("master_link_down_since_seconds", ago_s(since_ms));
    }
    out.line("slave_priority", config.get(REPLICA_PRIORITY));
    out.flag("slave_read_only", config.get(REPLICA_READ_ONLY));
    out.flag("replica_announced", config.get(REPLICA_ANNOUNCED));
    out.line("master_link_stage", link.stage.name());
    out.line("master_link_last_error", link.last_error.replace(['\r', '\n'], " "));
    out.line("slave_full_syncs", link.full_syncs);
    out.line("slave_partial_syncs", link.partial_syncs);
    out.line("slave_refetches", link.refetches);
    out.line("slave_refused_commands", link.refused);
    out.line("slave_divergence", link.divergence.replace(['\r', '\n'], " "));
    out.line("slave_refetch", link.refetch.replace(['\r', '\n'], " "));
}
