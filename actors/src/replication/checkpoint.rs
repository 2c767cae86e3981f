//! Checkpoints for slaves that are Pikas: their data set as files, which can be fetched in parts.
//!
//! One checkpoint is kept at a time, in `full-sync/` in the data folder: hard links to the store's files as they are at
//! one offset, where all partitions are handed off. All slaves that need everything share it. It stays for
//! `full-sync-checkpoint-keep-seconds` after its last use, over a restart too, so that a slave goes on with it that lost
//! its link; as long, the log behind it is pinned, up to the limit that slaves have.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pika_core::binlog::retention::Pin;
use pika_core::config::options;
use pika_core::replication::files::{CHUNK, Entry, FileHash, List};
use pika_core::replication::slave::Position;
use pika_core::server::NO_CHECKPOINT;

use crate::service::Service;
use crate::state::{State, lock, now_ms};
use crate::write_behind::Job;

/// The folder of checkpoints, in the data folder.
const FOLDER: &str = "full-sync";
/// The list of a checkpoint's files, in its folder.
const LIST: &str = "list";
/// Where the store's files are, in its folder.
const STORE: &str = "rocksdb";
/// How a pin is named, before the checkpoint's name.
const PIN: &str = "full sync ";
/// Bytes that are read at a time to be hashed.
const READ_BYTES: usize = 1 << 20;
/// The longest that a chunk waits for its time; the limit may be changed meanwhile.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A checkpoint that is kept.
#[derive(Debug)]
pub struct Kept {
    /// Its name: 16 hexadecimal digits.
    pub name: String,
    /// What it has.
    pub list: List,
    folder: PathBuf,
    used_ms: AtomicU64,
    /// Bytes that were read of it.
    pub sent: AtomicU64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Checkpoints {
    kept: Mutex<Option<Arc<Kept>>>,
    /// Held while one is made.
    making: Mutex<()>,
    /// Hashes of the store's files, by name; with their size and number of their node, which tell a file from one that
    /// had its name before.
    hashes: Mutex<HashMap<String, (u64, u64, u128)>>,
    /// When the next chunk may go.
    next: Mutex<Option<Instant>>,
}

fn folder(state: &State) -> PathBuf {
    Path::new(state.config().get(options::DIR)).join(FOLDER)
}

impl Kept {
    /// Whether a slave that has it can go on from there with the log.
    pub fn is_valid(&self, state: &State) -> bool {
        let Position { id, offset } = self.list.of;
        let accepted = lock(&state.replication.history).accepts(&id, offset, state.log.committed()).is_ok();
        accepted && state.log.facts().oldest_offset <= offset
    }

    fn is_expired(&self, state: &State) -> bool {
        let keep_ms = u64::from(state.config().get(options::FULL_SYNC_CHECKPOINT_KEEP_SECONDS)) * 1000;
        now_ms().saturating_sub(self.used_ms.load(Ordering::Relaxed)) > keep_ms
    }

    /// Somebody uses it.
    pub fn touch(&self) {
        self.used_ms.store(now_ms(), Ordering::Relaxed);
    }
}

/// Takes up what the last process kept, and removes what is of no use. Before anything is removed from the log.
pub fn open(state: &State) {
    let Ok(entries) = fs::read_dir(folder(state)) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let found = read(&path).filter(|kept| kept.is_valid(state));
        let mut current = lock(&state.replication.checkpoints.kept);
        match found {
            Some(kept) if current.is_none() => {
                slog::info!(state.logger, "a checkpoint for slaves is still good"; "checkpoint" => &kept.name,
                    "offset" => kept.list.of.offset, "bytes" => kept.list.bytes());
                pin(state, &kept.name, kept.list.of.offset);
                *current = Some(Arc::new(kept));
            }
            _ => drop(fs::remove_dir_all(&path)),
        }
    }
}

fn read(path: &Path) -> Option<Kept> {
    let list = List::parse(&fs::read(path.join(LIST)).ok()?).ok()?;
    let name = path.file_name()?.to_str()?.to_string();
    let (used_ms, sent) = (AtomicU64::new(now_ms()), AtomicU64::new(0));
    Some(Kept { name, list, folder: path.to_path_buf(), used_ms, sent })
}

/// Removes a checkpoint that nobody can use any more. Once a second.
pub fn sweep(state: &Arc<State>) {
    let mut kept = lock(&state.replication.checkpoints.kept);
    let Some(current) = kept.as_ref() else { return };
    let why = match (current.is_expired(state), current.is_valid(state)) {
        (true, _) => "nobody used it for full-sync-checkpoint-keep-seconds",
        (_, false) => "the log has not what follows it",
        _ => return,
    };
    slog::info!(state.logger, "a checkpoint for slaves is removed"; "checkpoint" => &current.name, "because" => why);
    if let Some(current) = kept.take() {
        remove(state, &current);
    }
}

fn remove(state: &State, kept: &Kept) {
    lock(&state.log.pins).retain(|pin| pin.name != format!("{PIN}{}", kept.name));
    let (path, logger) = (kept.folder.clone(), state.logger.clone());
    let removal = move || {
        if let Err(error) = fs::remove_dir_all(&path) {
            slog::warn!(logger, "a checkpoint cannot be removed"; "error" => %error);
        }
    };
    // What cannot be removed now the next start removes.
    let _ = std::thread::Builder::new().name("pika-remove".into()).spawn(removal);
}

fn pin(state: &State, name: &str, offset: u64) {
    let max_bytes = super::most_pinned(&state.config());
    let name = format!("{PIN}{name}");
    let mut pins = lock(&state.log.pins);
    pins.retain(|pin| pin.name != name);
    pins.push(Pin { name, offset, max_bytes, until_ms: None });
}

/// The checkpoint that is kept, or a new one. May take as long as it takes to read all data once.
///
/// # Errors
/// For the operator.
pub fn obtain(service: &Service) -> Result<Arc<Kept>, String> {
    let state = &service.state;
    let checkpoints = &state.replication.checkpoints;
    let _making = lock(&checkpoints.making);
    {
        let mut kept = lock(&checkpoints.kept);
        match kept.take() {
            Some(current) if current.is_valid(state) && !current.is_expired(state) => {
                current.touch();
                return Ok(kept.insert(current).clone());
            }
            Some(current) => remove(state, &current),
            None => {}
        }
    }
    let name = crate::system::random_hex(16);
    let began = Instant::now();
    // Until its offset is known, the log is kept from here on.
    pin(state, &name, state.log.committed());
    match make(service, &name) {
        Ok(made) => {
            let made = Arc::new(made);
            pin(state, &name, made.list.of.offset);
            slog::info!(state.logger, "a checkpoint for slaves"; "checkpoint" => name, "offset" => made.list.of.offset,
                "files" => made.list.files.len(), "bytes" => made.list.bytes(),
                "ms" => began.elapsed().as_millis() as u64);
            *lock(&checkpoints.kept) = Some(made.clone());
            Ok(made)
        }
        Err(error) => {
            lock(&state.log.pins).retain(|pin| pin.name != format!("{PIN}{name}"));
            let _ = fs::remove_dir_all(folder(state).join(&name));
            Err(error)
        }
    }
}

fn make(service: &Service, name: &str) -> Result<Kept, String> {
    let state = &service.state;
    let folder = folder(state).join(name);
    let at = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(&folder).map_err(|error| at(&folder, error))?;
    // So that little is left to be handed off while all stand still.
    service.drain();
    let (tell, told) = std::sync::mpsc::channel();
    let (done, wait) = std::sync::mpsc::channel();
    let (shared, store) = (state.clone(), folder.join(STORE));
    crate::followed::hand_off_all(state, move |held| {
        let offset = held[0].shared.select_anew();
        let hand_offs = held.iter_mut().filter_map(|partition| {
            partition.end_group(offset);
            partition.hand_off()
        });
        // One after the other, and nothing between them: nobody else has anything that could be handed off.
        shared.write_behind.send(Job::Apply(hand_offs.collect()));
        shared.write_behind.send(Job::Checkpoint(store, done));
        let _ = tell.send(offset);
    });
    let offset = told.recv().map_err(|_| "the partitions are gone".to_string())?;
    wait.recv().map_err(|_| "the write-behind thread is gone".to_string())??;
    let id = lock(&state.replication.history).id();
    let store = folder.join(STORE);
    let mut files = Vec::new();
    for entry in fs::read_dir(&store).map_err(|error| at(&store, error))? {
        let path = entry.map_err(|error| at(&store, error))?.path();
        files.push(hashed(state, &path).map_err(|error| at(&path, error))?);
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    // Those of files that are gone are of no use.
    lock(&state.replication.checkpoints.hashes)
        .retain(|name, _| files.binary_search_by(|file| file.name.cmp(name)).is_ok());
    let list = List { of: Position { id, offset }, files };
    let path = folder.join(LIST);
    let unfinished = folder.join("list.tmp");
    fs::write(&unfinished, list.encode())
        .and_then(|()| File::open(&unfinished)?.sync_all())
        .and_then(|()| fs::rename(&unfinished, &path))
        .and_then(|()| File::open(&folder)?.sync_all())
        .map_err(|error| at(&path, error))?;
    let (used_ms, sent) = (AtomicU64::new(now_ms()), AtomicU64::new(0));
    Ok(Kept { name: name.into(), list, folder, used_ms, sent })
}

/// A file's entry. The store's files never change, so each is read once only.
fn hashed(state: &State, path: &Path) -> io::Result<Entry> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let about = fs::metadata(path)?;
    let (size, node) = (about.len(), about.ino());
    let hashes = &state.replication.checkpoints.hashes;
    let known = lock(hashes).get(&name).copied();
    if let Some((_, _, hash)) = known.filter(|known| (known.0, known.1) == (size, node)) {
        return Ok(Entry { name, size, hash });
    }
    let mut hash = FileHash::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let hash = hash.digest128();
    // The store's other files change, and are small.
    if name.ends_with(".sst") {
        lock(hashes).insert(name.clone(), (size, node, hash));
    }
    Ok(Entry { name, size, hash })
}

fn find(state: &State, name: &str) -> Result<Arc<Kept>, String> {
    let kept = lock(&state.replication.checkpoints.kept).clone();
    let kept = kept.filter(|kept| kept.name == name && kept.is_valid(state)).ok_or(NO_CHECKPOINT)?;
    kept.touch();
    Ok(kept)
}

/// CHECKPOINT LIST.
///
/// # Errors
/// What the client is answered.
pub fn list(state: &State, name: &str) -> Result<Vec<u8>, String> {
    Ok(find(state, name)?.list.encode().into_bytes())
}

/// CHECKPOINT READ.
///
/// # Errors
/// What the client is answered.
pub fn chunk(state: &State, name: &str, file: &str, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let kept = find(state, name)?;
    let entry = kept.list.files.iter().find(|entry| entry.name == file);
    let entry = entry.ok_or("ERR the checkpoint has no such file")?;
    let length = entry.size.saturating_sub(offset).min(length).min(at_once(state));
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let path = kept.folder.join(STORE).join(file);
    let read = File::open(&path).and_then(|opened| opened.read_exact_at(&mut bytes, offset));
    read.map_err(|error| format!("ERR {}: {error}", path.display()))?;
    kept.sent.fetch_add(length, Ordering::Relaxed);
    pace(state, length);
    Ok(bytes)
}

/// No chunk takes longer than a fraction of a second, so that a change of the limit is soon felt.
fn at_once(state: &State) -> u64 {
    const LEAST: u64 = 4096;
    match state.config().get(options::FULL_SYNC_RATE_LIMIT) {
        0 => CHUNK,
        limit => (limit / 4).clamp(LEAST, CHUNK),
    }
}

/// `full-sync-rate-limit`, over all slaves. On a thread that may wait.
fn pace(state: &State, bytes: u64) {
    let limit = state.config().get(options::FULL_SYNC_RATE_LIMIT);
    let due = {
        let mut next = lock(&state.replication.checkpoints.next);
        if limit == 0 {
            *next = None;
            return;
        }
        let begins = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
        // A limit that was very low until now holds back no one for long.
        let begins = begins.min(Instant::now() + LONGEST_WAIT);
        *next.insert(begins + Duration::from_secs_f64(bytes as f64 / limit as f64))
    };
    std::thread::sleep(due.saturating_duration_since(Instant::now()).min(2 * LONGEST_WAIT));
}
