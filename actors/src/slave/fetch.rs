//! A master's data set as files: fetched over connections of their own, checked, and put into the place of the old.
//!
//! The files go to `sync.files.tmp/` in the data folder, and stay there until the data set is in its place, whatever
//! happens: what is there by name, size and hash is not fetched again, and what is there in part is gone on with. So
//! there is nothing to remember over a restart: all is known from the files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pika_core::config::options;
use pika_core::replication::files::{CHUNK, Entry, FileHash, List};
use pika_core::replication::slave::{Position, Settings};

use super::client::{Answer, Client};
use super::{Link, News};
use crate::state::{State, now_ms};

/// The folder that files are fetched into, in the data folder.
const FILES: &str = "sync.files.tmp";
/// Requests under way at a time.
const AHEAD: usize = 4;
/// How long it waits when the disk is full, before it tries again.
const FULL_DISK_WAIT: Duration = Duration::from_secs(5);
/// How often the operator is told how far it is.
const TELL: Duration = Duration::from_secs(5);

/// What is fetched. It is given up when this is dropped.
#[derive(Debug)]
pub(super) struct Fetching {
    given_up: Arc<AtomicBool>,
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Release);
    }
}

/// Why it ended before its end.
#[derive(Debug)]
enum Failure {
    /// It is tried again.
    Again(String),
    /// The master cannot be had this way: it is tried with an RDB file.
    Otherwise(String),
    /// There is no room.
    FullDisk(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure::Again(why)
    }
}

fn disk(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::FullDisk(text),
        _ => Failure::Again(text),
    }
}

pub(super) fn folder(state: &State) -> PathBuf {
    Path::new(state.config().get(options::DIR)).join(FILES)
}

/// Removes what an interrupted full synchronisation left, if nobody has gone on with it for long.
pub(super) fn sweep(data_folder: &Path, keep: Duration) {
    let path = data_folder.join(FILES);
    let age =
        fs::metadata(&path).and_then(|about| about.modified()).map(|at| at.elapsed().unwrap_or_default());
    if age.is_ok_and(|age| age > keep) {
        let _ = fs::remove_dir_all(path);
    }
}

impl Link {
    /// Fetches and loads on a thread of its own.
    pub(super) fn fetch(&mut self, of: Position, name: String, common: Option<u64>) -> Result<(), String> {
        let link = self.state.following.link().ok_or("this server is no slave")?;
        let given_up = Arc::new(AtomicBool::new(false));
        self.fetching = Some(Fetching { given_up: given_up.clone() });
        let work = Work {
            state: self.state.clone(),
            host: link.host,
            port: link.port,
            settings: self.settings(),
            of,
            name,
            given_up,
        };
        let (news, session, plain) = (self.news.clone(), self.session, self.plain.clone());
        let spawned = std::thread::Builder::new().name("pika-fetch".into()).spawn(move || {
            let result = super::divergence::keep(&work.state, of, common)
                .map_err(Failure::from)
                .and_then(|_| work.run())
                .map_err(|failure| work.explain(failure, &plain));
            let _ = news.send(News::Loaded(session, result));
        });
        spawned.map(|_| ()).map_err(|error| error.to_string())
    }
}

struct Work {
    state: Arc<State>,
    host: String,
    port: u16,
    settings: Settings,
    of: Position,
    name: String,
    given_up: Arc<AtomicBool>,
}

/// How far it is.
struct Progress {
    /// Bytes that are there, of how many; and those that were there before.
    there: u64,
    kept: u64,
    files: u64,
    told: Instant,
    began: Instant,
}

impl Work {
    fn explain(&self, failure: Failure, plain: &AtomicBool) -> String {
        match failure {
            Failure::Again(why) => why,
            Failure::Otherwise(why) => {
                plain.store(true, Ordering::Release);
                format!("{why}; the next time it comes as an RDB file")
            }
            Failure::FullDisk(why) => {
                let until = Instant::now() + FULL_DISK_WAIT;
                slog::error!(self.state.logger, "no room for the master's data set; what is here stays, and it is tried \
                    again"; "error" => &why);
                while Instant::now() < until && !self.is_given_up() {
                    std::thread::sleep(Duration::from_millis(50));
                }
                format!("no room for it: {why}")
            }
        }
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    fn run(&self) -> Result<(), Failure> {
        let mut client = self.connect()?;
        let list = self.list(&mut client)?;
        let folder = folder(&self.state);
        fs::create_dir_all(&folder).map_err(|error| disk(&folder, &error))?;
        self.remove_others(&folder, &list);
        let (files, total) = (list.files.len() as u64, list.bytes());
        let now = now_ms();
        self.state.following.change(|link| {
            (link.sync_total, link.sync_received, link.sync_loaded, link.sync_keys) = (Some(total), 0, 0, 0);
            (link.sync_files, link.sync_kept, link.sync_began_ms) = (Some((0, files)), 0, now);
        });
        self.check_room(&folder, total)?;
        slog::info!(self.state.logger, "fetching the master's data set as files"; "checkpoint" => &self.name,
            "files" => files, "bytes" => total, "offset" => self.of.offset);
        let began = Instant::now();
        let mut progress = Progress { there: 0, kept: 0, files: 0, told: began, began };
        for entry in &list.files {
            // A file whose bytes turn out to be others is fetched again, once.
            if !self.file(&mut client, &folder, entry, &mut progress)?
                && !self.file(&mut client, &folder, entry, &mut progress)?
            {
                return Err(Failure::Again(format!(
                    "{} of the master is not what its hash says",
                    entry.name
                )));
            }
            progress.files += 1;
            self.state.following.change(|link| link.sync_files = Some((progress.files, files)));
        }
        drop(client);
        slog::info!(self.state.logger, "the master's files are here; they are loaded"; "bytes" => total,
            "moved" => total - progress.kept, "kept" => progress.kept, "ms" => began.elapsed().as_millis() as u64);
        super::adopt::adopt(&self.state, &folder, self.of, &self.given_up).map_err(|error| match error {
            super::adopt::Failure::Unfit(why) => Failure::Otherwise(why),
            super::adopt::Failure::Disk(why) => Failure::FullDisk(why),
            super::adopt::Failure::GivenUp => Failure::Again("it was given up".into()),
        })?;
        let _ = fs::remove_dir_all(&folder);
        Ok(())
    }

    fn connect(&self) -> Result<Client, Failure> {
        Client::connect(&self.host, self.port, &self.settings)
            .map_err(|error| Failure::Again(format!("connecting to the master for its files: {error}")))
    }

    fn list(&self, client: &mut Client) -> Result<List, Failure> {
        let answer = client.call(&[b"CHECKPOINT", b"LIST", self.name.as_bytes()]);
        match answer.map_err(|error| Failure::Again(error.to_string()))? {
            Answer::Bulk(Some(text)) => {
                let list = List::parse(&text).map_err(Failure::Otherwise)?;
                match list.of == self.of {
                    true => Ok(list),
                    false => Err(Failure::Again("the checkpoint is of another offset".into())),
                }
            }
            Answer::Error(text) if text.starts_with("NOCHECKPOINT") => Err(Failure::Again(text)),
            // Who may not read files may still be sent a data set.
            other => Err(Failure::Otherwise(format!("the master does not list its files: {other:?}"))),
        }
    }

    /// Files of other checkpoints that this one does not have.
    fn remove_others(&self, folder: &Path, list: &List) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if !list.files.iter().any(|file| name.to_str() == Some(&file.name)) {
                let path = entry.path();
                let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            }
        }
    }

    /// The files, and then all of it once more as it is loaded, with what is here.
    fn check_room(&self, folder: &Path, total: u64) -> Result<(), Failure> {
        let here = crate::system::folder_bytes(folder);
        let needed = total.saturating_sub(here) + total;
        let (free, _) = crate::system::disk(folder);
        let reserve = self.state.config().get(options::DISK_RESERVE);
        match free.saturating_sub(reserve) < needed {
            true => Err(Failure::FullDisk(format!(
                "it takes {needed} bytes, and {free} are free, of which disk-reserve leaves {}",
                free.saturating_sub(reserve)
            ))),
            false => Ok(()),
        }
    }

    /// Has a file whole. False if its bytes were others than the list says, and it was removed.
    fn file(
        &self,
        client: &mut Client,
        folder: &Path,
        entry: &Entry,
        progress: &mut Progress,
    ) -> Result<bool, Failure> {
        let path = folder.join(&entry.name);
        let fail = |error: io::Error| disk(&path, &error);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.as_mut().map_err(|error| disk(&path, error))?;
        let mut hash = FileHash::new();
        let (kept, there) = (progress.kept, progress.there);
        let mut at = self.read_kept(file, entry.size, &mut hash).map_err(fail)?;
        progress.kept += at;
        progress.there += at;
        let (mut asked, mut under_way) = (at, 0);
        while at < entry.size {
            if self.is_given_up() {
                return Err(Failure::Again("it was given up".into()));
            }
            while asked < entry.size && under_way < AHEAD {
                let (offset, length) = (asked.to_string(), CHUNK.to_string());
                let name = (self.name.as_bytes(), entry.name.as_bytes());
                let words: [&[u8]; 6] =
                    [b"CHECKPOINT", b"READ", name.0, name.1, offset.as_bytes(), length.as_bytes()];
                client.send(&words).map_err(|error| Failure::Again(error.to_string()))?;
                // What the master sends less of is asked for again.
                asked += CHUNK;
                under_way += 1;
            }
            let bytes = chunk(client)?;
            under_way -= 1;
            if bytes.is_empty() {
                return Err(Failure::Again(format!("{} of the master is shorter than it said", entry.name)));
            }
            file.write_all(&bytes).map_err(fail)?;
            hash.update(&bytes);
            at += bytes.len() as u64;
            progress.there += bytes.len() as u64;
            if bytes.len() as u64 != CHUNK && at < entry.size {
                // A rate limit makes chunks smaller: what was asked for behind this one has a gap before it.
                for _ in 0..std::mem::take(&mut under_way) {
                    chunk(client)?;
                }
                asked = at;
            }
            self.tell(progress);
        }
        if hash.digest128() == entry.hash {
            file.sync_data().map_err(fail)?;
            return Ok(true);
        }
        slog::warn!(self.state.logger, "a file is not what its hash says; it is fetched again"; "file" => &entry.name);
        (progress.kept, progress.there) = (kept, there);
        fs::remove_file(&path).map_err(fail)?;
        Ok(false)
    }

    /// Hashes what is there of a file. Returns how many bytes that is; the file stands behind them.
    fn read_kept(&self, file: &mut File, size: u64, hash: &mut FileHash) -> io::Result<u64> {
        if file.metadata()?.len() > size {
            file.set_len(0)?;
        }
        let mut buffer = vec![0; 1 << 20];
        let mut kept = 0;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(kept);
            }
            hash.update(&buffer[..count]);
            kept += count as u64;
        }
    }

    fn tell(&self, progress: &mut Progress) {
        let (there, kept) = (progress.there, progress.kept);
        self.state.following.change(|link| (link.sync_received, link.sync_kept) = (there, kept));
        if progress.told.elapsed() >= TELL {
            progress.told = Instant::now();
            let rate = (there - kept) as f64 / progress.began.elapsed().as_secs_f64() / 1e6;
            slog::info!(self.state.logger, "fetching the master's data set"; "bytes" => there, "kept" => kept,
                "files" => progress.files, "MB/s" => format!("{rate:.1}"));
        }
    }
}

/// Reads a chunk, and checks it.
fn chunk(client: &mut Client) -> Result<Vec<u8>, Failure> {
    match client.answer().map_err(|error| Failure::Again(format!("the master's files: {error}")))? {
        Answer::Array(parts) => match <[Answer; 2]>::try_from(parts) {
            Ok([Answer::Integer(sum), Answer::Bulk(Some(bytes))])
                if sum == i64::from(pika_core::replication::files::checksum(&bytes)) =>
            {
                Ok(bytes)
            }
            _ => Err(Failure::Again("a chunk of the master's files is damaged".into())),
        },
        Answer::Error(text) => Err(Failure::Again(format!("the master's files: {text}"))),
        other => Err(Failure::Again(format!("the master's files: {other:?}"))),
    }
}
