//! BGSAVE: a checkpoint of the store by hard links, with the log that it needs, in a dated folder; and `restore`.
//!
//! A backup holds `rocksdb/` (a checkpoint), `binlog/` (the segments from the checkpoint's positions on; finished
//! ones by hard link, the last one copied as far as it was written), `FORMAT`, and `backup.toml` with the offset at
//! which it stands: a server restored from it has every write up to that offset and none after.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use pika_core::binlog::retention::Pin;
use pika_core::config::options;

use crate::service::Service;
use crate::state::{State, lock, now_ms};
use crate::write_behind::Job;

/// What BGSAVE is at, and how the last one ended.
#[derive(Debug)]
pub struct Progress {
    /// One is being made since.
    pub running_since: Option<Instant>,
    /// When the last good one ended (at first: the start), Unix time in seconds.
    pub last_save_s: u64,
    /// Whether the last one failed.
    pub last_failed: bool,
    /// How long the last one took.
    pub last_duration_s: Option<u64>,
    /// How many good ones were made.
    pub saves: u64,
    /// Changes at the last good one.
    pub changes_at_last: u64,
}

impl Progress {
    /// Before the first one.
    pub fn new(now_s: u64) -> Progress {
        Progress {
            running_since: None,
            last_save_s: now_s,
            last_failed: false,
            last_duration_s: None,
            saves: 0,
            changes_at_last: 0,
        }
    }
}

/// The folder that backups go to.
pub fn folder(state: &State) -> PathBuf {
    let config = state.config();
    Path::new(config.get(options::DIR)).join(config.get(options::BACKUP_DIR))
}

/// Makes a backup. Takes a few seconds, in which writes go on.
pub fn make(service: &Service) -> Result<(), String> {
    let state = &service.state;
    {
        let mut progress = lock(&state.backup);
        if progress.running_since.is_some() {
            return Err("Background save already in progress".into());
        }
        progress.running_since = Some(Instant::now());
    }
    let changes: u64 = service.reports().iter().map(|report| report.stats.changes).sum();
    let result = make_folder(service);
    let mut progress = lock(&state.backup);
    let took = progress.running_since.take().map(|since| since.elapsed().as_secs());
    progress.last_failed = result.is_err();
    progress.last_duration_s = took;
    match result {
        Ok((folder, offset)) => {
            progress.last_save_s = now_ms() / 1000;
            progress.saves += 1;
            progress.changes_at_last = changes;
            slog::info!(state.logger, "backup made"; "folder" => %folder.display(), "offset" => offset);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn make_folder(service: &Service) -> Result<(PathBuf, u64), String> {
    let state = &service.state;
    let parent = folder(state);
    fs::create_dir_all(&parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    let stamp = chrono::Local::now().format("%Y%m%d-%H%M%S");
    let name = (0..)
        .map(|number| if number == 0 { format!("{stamp}") } else { format!("{stamp}-{number}") })
        .find(|name| !parent.join(name).exists())
        .unwrap_or_default();
    let unfinished = parent.join(format!("{name}.unfinished"));
    let pin = format!("backup {name}");
    let flushed = state.write_behind.flushed.load(Ordering::Acquire);
    lock(&state.log.pins).push(Pin { name: pin.clone(), offset: flushed, max_bytes: None, until_ms: None });
    let result = fill(service, &unfinished, flushed);
    lock(&state.log.pins).retain(|other| other.name != pin);
    match result {
        Ok(offset) => {
            let finished = parent.join(&name);
            fs::rename(&unfinished, &finished)
                .and_then(|()| fs::File::open(&parent)?.sync_all())
                .map_err(|error| error.to_string())?;
            Ok((finished, offset))
        }
        Err(error) => {
            // What is left of a failed one must not be taken for a backup; the next start sweeps it too.
            let _ = fs::remove_dir_all(&unfinished);
            Err(error)
        }
    }
}

/// `from` is the offset that the store's files reached before: the checkpoint reaches as far or farther.
fn fill(service: &Service, folder: &Path, from: u64) -> Result<u64, String> {
    let state = &service.state;
    fs::create_dir_all(folder.join("binlog")).map_err(|error| error.to_string())?;
    // What was answered before BGSAVE is in the backup; what comes meanwhile may be.
    service.drain();
    let (done, wait) = std::sync::mpsc::channel();
    state.write_behind.send(Job::Checkpoint(folder.join("rocksdb"), done));
    wait.recv().map_err(|_| "the write-behind thread is gone".to_string())??;
    let offset = copy_log(state, &folder.join("binlog"), from).map_err(|error| error.to_string())?;
    let config = state.config();
    fs::copy(Path::new(config.get(options::DIR)).join("FORMAT"), folder.join("FORMAT"))
        .map_err(|error| error.to_string())?;
    let text = format!(
        "# A backup of Pika; `pika restore {}` puts it back.\npika_version = \"{}\"\noffset = {offset}\ncreated = \
         \"{}\"\n",
        folder.display().to_string().trim_end_matches(".unfinished"),
        state.identity.version,
        chrono::Local::now().to_rfc3339(),
    );
    write_synced(&folder.join("backup.toml"), text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(offset)
}

/// Links the finished segments that end after `from`, and copies the last one as far as it is written. Returns the
/// offset of its end.
fn copy_log(state: &State, target: &Path, from: u64) -> io::Result<u64> {
    let (segments, directory) =
        state.log.with_writer(|writer| (writer.segments().to_vec(), writer.directory().to_path_buf()));
    let Some((last, finished)) = segments.split_last() else { return Ok(from) };
    for segment in finished.iter().filter(|segment| segment.end_offset > from) {
        fs::hard_link(directory.join(segment.name()), target.join(segment.name()))?;
    }
    let source = fs::File::open(directory.join(last.name()))?;
    let mut copy = fs::File::create(target.join(last.name()))?;
    io::copy(&mut source.take(last.bytes), &mut copy)?;
    copy.flush()?;
    copy.sync_all()?;
    fs::File::open(target)?.sync_all()?;
    Ok(last.end_offset)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes what a process that died left of backups that it had begun.
pub fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|end| end == "unfinished") {
            // What cannot be removed now is no backup all the same: it has the wrong name.
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Removes all backups but one that is being made.
pub fn delete_all(state: &State) -> Result<u64, String> {
    let mut removed = 0;
    let Ok(entries) = fs::read_dir(folder(state)) else { return Ok(0) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.join("backup.toml").exists() && path.extension().is_none_or(|end| end != "unfinished") {
            fs::remove_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Puts a backup into a data folder, which must not hold data.
pub fn restore(backup: &Path, target: &Path) -> Result<String, String> {
    let at = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let about = backup.join("backup.toml");
    let text =
        fs::read_to_string(&about).map_err(|error| format!("no backup there: {}", at(&about, error)))?;
    crate::opening::check_format(backup)?;
    if ["FORMAT", "rocksdb", "binlog"].iter().any(|part| target.join(part).exists()) {
        return Err(format!("{} holds data already; restore into an empty folder", target.display()));
    }
    for part in ["rocksdb", "binlog"] {
        copy_folder(&backup.join(part), &target.join(part)).map_err(|error| at(&backup.join(part), error))?;
    }
    // Last: without it the folder is no data folder.
    fs::copy(backup.join("FORMAT"), target.join("FORMAT")).map_err(|error| at(target, error))?;
    fs::File::open(target).and_then(|folder| folder.sync_all()).map_err(|error| at(target, error))?;
    let offset = text.lines().find(|line| line.starts_with("offset")).unwrap_or("offset unknown");
    Ok(format!("restored {} into {} ({offset})", backup.display(), target.display()))
}

/// Copies a flat folder. The backup stays as it is: nothing is shared with it.
fn copy_folder(source: &Path, target: &Path) -> io::Result<()> {
    fs::create_dir_all(target)?;
    let entries: Vec<_> = fs::read_dir(source)?.collect::<io::Result<_>>()?;
    let total = entries.len();
    let mut shown = Instant::now();
    for (index, entry) in entries.into_iter().enumerate() {
        let copy = target.join(entry.file_name());
        fs::copy(entry.path(), &copy)?;
        fs::File::open(&copy)?.sync_all()?;
        if shown.elapsed().as_secs() >= 1 {
            shown = Instant::now();
            eprintln!("{}: {} of {total} files", source.display(), index + 1);
        }
    }
    fs::File::open(target)?.sync_all()
}
