//! What is known of the link to a master: for INFO, ROLE, and for who asks whether data is stale.

use super::slave::Stage;

/// See the module's documentation. Times are Unix times in ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterLink {
    /// The master's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How far the link is.
    pub stage: Stage,
    /// When something came last.
    pub last_received_ms: u64,
    /// Since when it is down; `None` while it is up.
    pub down_since_ms: Option<u64>,
    /// Why it broke last, empty if it did not.
    pub last_error: String,
    /// Everything before is in the log and in the data.
    pub offset: u64,
    /// Bytes of the stream that came, those included that are not whole commands yet.
    pub received: u64,
    /// Bytes of the data set that is sent, if the master said so.
    pub sync_total: Option<u64>,
    /// Bytes of it that came.
    pub sync_received: u64,
    /// Bytes of it that were loaded.
    pub sync_loaded: u64,
    /// Keys of it that were loaded.
    pub sync_keys: u64,
    /// The files of a checkpoint that are there, and how many there are; `None` if the data set comes otherwise.
    pub sync_files: Option<(u64, u64)>,
    /// Of the bytes that came, those that were here already.
    pub sync_kept: u64,
    /// When the transfer began.
    pub sync_began_ms: u64,
    /// What became of writes that the master does not have, the last time that there were such; empty if never.
    pub divergence: String,
    /// What became of the last attempt to fetch again only what differs: when, what came of it, or why everything is
    /// fetched instead; empty if there was none.
    pub refetch: String,
    /// How often only what differed was fetched again, since the start.
    pub refetches: u64,
    /// Full synchronisations that ended well, since the start.
    pub full_syncs: u64,
    /// Times that the master went on with the stream, since the start.
    pub partial_syncs: u64,
    /// Commands of the stream that were answered with an error, since the start: this data may differ.
    pub refused: u64,
}

impl MasterLink {
    /// A link that is about to be made.
    pub fn new(host: String, port: u16, now_ms: u64) -> MasterLink {
        MasterLink {
            host,
            port,
            stage: Stage::Connect,
            last_received_ms: now_ms,
            down_since_ms: Some(now_ms),
            last_error: String::new(),
            offset: 0,
            received: 0,
            sync_total: None,
            sync_received: 0,
            sync_loaded: 0,
            sync_keys: 0,
            sync_files: None,
            sync_kept: 0,
            sync_began_ms: 0,
            divergence: String::new(),
            refetch: String::new(),
            refetches: 0,
            full_syncs: 0,
            partial_syncs: 0,
            refused: 0,
        }
    }

    /// Whether the stream is followed.
    pub fn is_up(&self) -> bool {
        self.stage == Stage::Connected
    }
}
