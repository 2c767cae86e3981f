//! File descriptors: how many the process may have, and who gets them.
//!
//! Running out of them would be an I/O error in the middle of a flush, which ends the process. So they are divided at
//! the start, and clients are refused before any is missing.

use pika_core::config::{Config, SetError, options};

use crate::system;

/// What the process itself needs: the log's segments, RocksDB's own files, wake-ups of threads, a backup.
const OWN: u64 = 128;
/// The least that the store, and the clients, can do with.
const LEAST: u64 = 32;

/// Who gets how many of the process's file descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimit {
    /// All that the process may have.
    pub limit: u64,
    /// RocksDB's tables; `None`: as many as it likes.
    pub store: Option<u64>,
    /// Clients.
    pub clients: u64,
}

impl FileLimit {
    /// Divides `limit` descriptors among `clients` and a store that wants so many (`None`: all its files). If they do
    /// not suffice, the store gets what the clients leave, but at least a quarter. `None` if there are too few to run.
    fn divide(limit: u64, clients: u64, store: Option<u64>) -> Option<FileLimit> {
        let rest = limit.checked_sub(OWN)?;
        let least = (limit / 4).max(LEAST);
        let left = rest.saturating_sub(clients);
        let given = store.map_or(left.max(least), |wanted| wanted.min(left.max(least)));
        let clients = clients.min(rest.checked_sub(given)?);
        let unbounded = store.is_none() && limit == u64::MAX;
        (clients > 0 && rest >= 2 * LEAST).then_some(FileLimit {
            limit,
            store: (!unbounded).then_some(given),
            clients,
        })
    }

    /// Raises the process's limit as far as this configuration needs and the system permits, and divides it.
    ///
    /// # Errors
    /// There are too few to start.
    pub fn at_start(config: &Config) -> Result<FileLimit, String> {
        let clients = u64::from(config.get(options::MAXCLIENTS));
        let store = u64::try_from(config.get(options::ROCKSDB_MAX_OPEN_FILES)).ok();
        let limit = system::raise_file_limit(clients + OWN + store.unwrap_or(0));
        FileLimit::divide(limit, clients, store).ok_or_else(|| {
            format!(
                "this process may open {limit} files (ulimit -n), and needs {} at the very least",
                OWN + 2 * LEAST
            )
        })
    }

    /// The configuration with as many clients as there are descriptors for. Says so to the operator if those are
    /// fewer than he asked for.
    pub fn apply(&self, config: Config, logger: &slog::Logger) -> Result<Config, String> {
        let asked = config.get(options::MAXCLIENTS);
        let wanted = config.get(options::ROCKSDB_MAX_OPEN_FILES);
        if let Some(store) = self.store
            && u64::try_from(wanted).is_ok_and(|wanted| wanted > store)
        {
            slog::warn!(logger, "too few file descriptors: RocksDB keeps fewer files open; raise 'ulimit -n' for more";
                "limit" => self.limit, "rocksdb-max-open-files" => wanted, "files" => store);
        }
        if u64::from(asked) <= self.clients {
            return Ok(config);
        }
        slog::warn!(logger, "too few file descriptors: maxclients is lowered; raise 'ulimit -n' for more";
            "limit" => self.limit, "asked" => asked, "maxclients" => self.clients);
        config.with(options::MAXCLIENTS, &self.clients.to_string())
    }

    /// Whether there are descriptors for so many clients, raising the process's limit if need be.
    ///
    /// # Errors
    /// Redis's own words, with how many there could be.
    pub fn check(&self, clients: u32) -> Result<(), SetError> {
        let taken = OWN + self.store.unwrap_or(0);
        let mut limit = self.limit;
        if taken + u64::from(clients) > limit {
            limit = system::raise_file_limit(taken + u64::from(clients));
        }
        if taken + u64::from(clients) <= limit {
            return Ok(());
        }
        let most = limit.saturating_sub(taken);
        Err(SetError::Failed {
            name: "maxclients".into(),
            reason: format!(
                "The operating system is not able to handle the specified number of clients, try with {most}"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(limit: u64, clients: u64, store: Option<u64>) -> Option<(Option<u64>, u64)> {
        FileLimit::divide(limit, clients, store).map(|files| (files.store, files.clients))
    }

    #[test]
    fn each_gets_what_it_asks_for_if_there_is_enough() {
        assert_eq!(divided(20_000, 10_000, Some(4096)), Some((Some(4096), 10_000)));
        assert_eq!(divided(14_224, 10_000, Some(4096)), Some((Some(4096), 10_000)));
        assert_eq!(divided(20_000, 10_000, None), Some((Some(9872), 10_000)));
        assert_eq!(divided(u64::MAX, 10_000, None), Some((None, 10_000)));
    }

    #[test]
    fn the_store_gives_first_and_then_the_clients() {
        assert_eq!(divided(14_223, 10_000, Some(4096)), Some((Some(4095), 10_000)));
        assert_eq!(divided(12_000, 10_000, Some(4096)), Some((Some(3000), 8872)));
        assert_eq!(divided(1024, 10_000, Some(4096)), Some((Some(256), 640)));
        assert_eq!(divided(1024, 10_000, Some(100)), Some((Some(100), 796)));
        assert_eq!(divided(1024, 100, Some(4096)), Some((Some(796), 100)));
    }

    #[test]
    fn nobody_gets_more_than_there_are_and_too_few_are_refused() {
        for limit in 0..3000 {
            for clients in [1, 40, 1000, 10_000] {
                for store in [None, Some(0), Some(32), Some(4096)] {
                    match FileLimit::divide(limit, clients, store) {
                        Some(files) => {
                            assert!(files.clients > 0 && files.clients <= clients);
                            assert!(files.clients + files.store.unwrap() + OWN <= limit, "{files:?}");
                        }
                        None => assert!(limit < OWN + 2 * LEAST, "{limit} {clients} {store:?}"),
                    }
                }
            }
        }
    }
}
