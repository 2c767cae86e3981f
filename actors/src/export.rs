//! `pika export --rdb FILE`: all data of a data folder, as an RDB file that Redis and its tools read.
//!
//! The folder is that of a server that does not run (its lock is taken). From a running one, `redis-cli --rdb` gets the
//! same file. The log that the store lacks is run again in memory first, as a start would; the folder is left as it was
//! found, but for bookkeeping that a start would do too.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use pika_core::config::Config;
use pika_core::info::REDIS_VERSION;
use pika_core::keyspace::partition::Partition;
use pika_core::replication::snapshot::{Origin, Snapshot};

use crate::state::now_ms;

/// Writes the file, and puts it in its place when it is whole and on disk. Returns what to tell the operator.
///
/// # Errors
/// A text for the operator: the folder is in use, cannot be read, or the file cannot be written.
pub fn to_rdb(config: &Config, target: &Path, logger: &slog::Logger) -> Result<String, String> {
    let at = |error: std::io::Error| format!("{}: {error}", target.display());
    let (mut opened, _lock) = crate::opening::open_for_reading(config, logger)?;
    let id = crate::replication::open_history_unchanged(config)?;
    let mut partitions: Vec<&mut Partition> = opened.iter_mut().map(|partition| &mut **partition).collect();
    let snapshot = Snapshot::take(&mut partitions);
    let unfinished = target.with_extension("unfinished");
    let out = BufWriter::with_capacity(1 << 20, File::create(&unfinished).map_err(at)?);
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} keys  {msg}  {per_sec}  {eta} left")
            .map_err(|error| error.to_string())?,
    );
    let origin = Origin { id, redis_version: REDIS_VERSION, now_s: now_ms() / 1000, used_memory: 0 };
    let written = snapshot.write(out, &origin, &crate::state::settings_of(config), &mut |progress| {
        bar.set_length(progress.of.max(progress.keys));
        bar.set_position(progress.keys);
        bar.set_message(HumanBytes(progress.bytes).to_string());
    });
    bar.finish_and_clear();
    let result = written.map_err(|error| error.to_string()).and_then(|(mut out, progress)| {
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(at)?;
        std::fs::rename(&unfinished, target).map_err(at)?;
        Ok(progress)
    });
    match result {
        Ok(progress) => Ok(format!(
            "exported {} keys, {} into {}",
            HumanCount(progress.keys),
            HumanBytes(progress.bytes),
            target.display()
        )),
        Err(error) => {
            // What is left of it is no file that anyone could want.
            let _ = std::fs::remove_file(&unfinished);
            Err(error)
        }
    }
}
