//! What the server measures about itself.

super::super::row::options! { Monitoring {
    /// From how many microseconds on a command is recorded in the slow log; 0 records all, -1 none.
    SLOWLOG_LOG_SLOWER_THAN: i64 = Row::integer("slowlog-log-slower-than", "10000", -1, i64::MAX);

    /// How many commands the slow log remembers.
    SLOWLOG_MAX_LEN: u64 = Row::integer("slowlog-max-len", "128", 0, i64::MAX);

    /// Whether the time of each kind of command is recorded, for INFO and LATENCY HISTOGRAM.
    LATENCY_TRACKING: bool = Row::boolean("latency-tracking", "yes");

    /// The percentiles, from 0 to 100, that INFO shows of those times.
    LATENCY_TRACKING_INFO_PERCENTILES: Vec<f64> =
        Row::special("latency-tracking-info-percentiles", "50 99 99.9", Kind::Percentiles);

    /// From how many milliseconds on an event is recorded for LATENCY; 0 records none.
    LATENCY_MONITOR_THRESHOLD: u64 = Row::integer("latency-monitor-threshold", "0", 0, i64::MAX);
}}
