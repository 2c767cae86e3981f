//! Options of Redis's TLS that rustls has no use for, and those of Redis Cluster: accepted without effect.

use super::super::row::{Alias, INT_MAX, Row};

const DH: &str = "Keys are agreed on by elliptic curves only: no suite here uses such parameters.";
const CACHE: &str = "Sessions live for as long as the library keeps them, within `tls-session-cache-size`.";
const CLUSTER: &str = "Belongs to Redis Cluster, which this server does not form.";

pub(in super::super) const ROWS: &[Row] = &[
    Row::text("tls-dh-params-file", "").volatile().accepted(DH),
    Row::integer("tls-session-cache-timeout", "300", 0, INT_MAX).accepted(CACHE),
    Row::boolean("cluster-enabled", "no").fixed().accepted(CLUSTER),
    Row::boolean("cluster-allow-pubsubshard-when-down", "yes").accepted(CLUSTER),
    Row::boolean("cluster-allow-reads-when-down", "no").accepted(CLUSTER),
    Row::boolean("cluster-allow-replica-migration", "yes").accepted(CLUSTER),
    Row::integer("cluster-announce-bus-port", "0", 0, 65535).accepted(CLUSTER),
    Row::text("cluster-announce-hostname", "").accepted(CLUSTER),
    Row::text("cluster-announce-human-nodename", "").accepted(CLUSTER),
    Row::text("cluster-announce-ip", "").accepted(CLUSTER),
    Row::integer("cluster-announce-port", "0", 0, 65535).accepted(CLUSTER),
    Row::integer("cluster-announce-tls-port", "0", 0, 65535).accepted(CLUSTER),
    Row::text("cluster-config-file", "nodes.conf").fixed().accepted(CLUSTER),
    Row::size("cluster-link-sendbuf-limit", "0", 0, u64::MAX).accepted(CLUSTER),
    Row::integer("cluster-migration-barrier", "1", 0, INT_MAX).accepted(CLUSTER),
    Row::integer("cluster-node-timeout", "15000", 0, i64::MAX).accepted(CLUSTER),
    Row::integer("cluster-port", "0", 0, 65535).fixed().accepted(CLUSTER),
    Row::word("cluster-preferred-endpoint-type", "ip", &["ip", "hostname", "unknown-endpoint"])
        .accepted(CLUSTER),
    Row::boolean("cluster-replica-no-failover", "no")
        .aliases(&[Alias::redis("cluster-slave-no-failover")])
        .accepted(CLUSTER),
    Row::integer("cluster-replica-validity-factor", "10", 0, INT_MAX)
        .aliases(&[Alias::redis("cluster-slave-validity-factor")])
        .accepted(CLUSTER),
    Row::boolean("cluster-require-full-coverage", "yes").accepted(CLUSTER),
];
