//! Redis's options of TLS and of Redis Cluster, neither of which is here: accepted without effect.

use super::super::row::{Alias, INT_MAX, Row};

const TLS: &str = "There is no TLS yet: connections are not encrypted, whatever this says.";
const CLUSTER: &str = "Belongs to Redis Cluster, which this server does not form.";

pub(in super::super) const ROWS: &[Row] = &[
    Row::integer("tls-port", "0", 0, 65535).accepted(TLS),
    Row::word("tls-auth-clients", "yes", &["no", "yes", "optional"]).accepted(TLS),
    Row::text("tls-ca-cert-dir", "").accepted(TLS),
    Row::text("tls-ca-cert-file", "").accepted(TLS),
    Row::text("tls-cert-file", "").accepted(TLS),
    Row::text("tls-ciphers", "").accepted(TLS),
    Row::text("tls-ciphersuites", "").accepted(TLS),
    Row::text("tls-client-cert-file", "").accepted(TLS),
    Row::text("tls-client-key-file", "").accepted(TLS),
    Row::text("tls-client-key-file-pass", "").secret().accepted(TLS),
    Row::boolean("tls-cluster", "no").accepted(TLS),
    Row::text("tls-dh-params-file", "").accepted(TLS),
    Row::text("tls-key-file", "").accepted(TLS),
    Row::text("tls-key-file-pass", "").secret().accepted(TLS),
    Row::boolean("tls-prefer-server-ciphers", "no").accepted(TLS),
    Row::text("tls-protocols", "").accepted(TLS),
    Row::boolean("tls-replication", "no").accepted(TLS),
    Row::integer("tls-session-cache-size", "20480", 0, INT_MAX).accepted(TLS),
    Row::integer("tls-session-cache-timeout", "300", 0, INT_MAX).accepted(TLS),
    Row::boolean("tls-session-caching", "yes").accepted(TLS),
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
