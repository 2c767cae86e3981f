//! The section Replication.

use super::Lines;
use crate::info::numbers::ReplicationNumbers;
use crate::replication::ReplicationId;
use crate::replication::master::Stage;

pub(super) fn write(out: &mut Lines, facts: &ReplicationNumbers) {
    out.line("role", "master");
    out.line("connected_slaves", facts.replicas.len());
    if let Some(good) = facts.good {
        out.line("min_slaves_good_slaves", good);
    }
    for (index, replica) in facts.replicas.iter().enumerate() {
        let lag = if replica.stage == Stage::Online { replica.lag_s(facts.now_ms) } else { 0 };
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
    out.line("master_failover_state", "no-failover");
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
}
