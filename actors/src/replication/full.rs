//! Snapshots for slaves that need everything.
//!
//! A thread makes one snapshot at a time, for all slaves that wait by then, and sends it to them as it is written: the
//! slowest of them sets the pace (`repl-timeout` ends one that stands still), and nothing is kept. For those that must
//! know its length before (redis-cli, Redis 2.6), it goes through a file without a name in the data folder.
//!
//! All partitions stand still only while the moment is kept. The engine's snapshot lives until the file is written.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pika_core::config::options;
use pika_core::info::REDIS_VERSION;
use pika_core::keyspace::partition::Partition;
use pika_core::rdb;
use pika_core::replication::ReplicationId;
use pika_core::replication::snapshot::{Origin, Progress, Snapshot};
use tokio::sync::mpsc;

use crate::service::Service;
use crate::state::{State, lock, now_ms};

/// Bytes of a piece.
const PIECE: usize = 128 * 1024;
/// How often the operator is told how far a snapshot is.
const TELL: Duration = Duration::from_secs(10);

/// What a link gets.
#[derive(Debug)]
pub enum Piece {
    /// It begins; this is where the stream goes on behind it.
    Begin {
        /// The offset.
        offset: u64,
        /// The history.
        id: ReplicationId,
    },
    /// How many bytes follow, if they are not ended by a mark.
    Length(u64),
    /// A part of the file.
    Bytes(Bytes),
    /// The file is whole.
    End,
    /// It never will be.
    Failed,
}

/// A slave that waits.
#[derive(Debug)]
pub struct Joined {
    /// Where its pieces go.
    pub pieces: mpsc::Sender<Piece>,
    /// It needs no length.
    pub by_mark: bool,
    /// It wants no keys.
    pub without_data: bool,
}

/// Who waits.
#[derive(Debug, Default)]
pub struct Syncs {
    waiting: Mutex<(Vec<Joined>, bool)>,
}

/// Adds a slave. It gets the next snapshot that is made.
pub fn join(state: &Arc<State>, joined: Joined) {
    let mut waiting = lock(&state.replication.syncs.waiting);
    waiting.0.push(joined);
    if std::mem::replace(&mut waiting.1, true) {
        return;
    }
    let service = Service { state: state.clone() };
    let spawned = std::thread::Builder::new().name("pika-full-sync".into()).spawn(move || work(&service));
    if let Err(error) = spawned {
        slog::error!(state.logger, "no thread for a snapshot"; "error" => %error);
        *waiting = Default::default();
    }
}

fn work(service: &Service) {
    loop {
        let joined = {
            let mut waiting = lock(&service.state.replication.syncs.waiting);
            if waiting.0.is_empty() {
                waiting.1 = false;
                return;
            }
            std::mem::take(&mut waiting.0)
        };
        let slaves = joined.len();
        let began = Instant::now();
        let logger = &service.state.logger;
        match make(service, joined) {
            Ok((offset, done)) => {
                slog::info!(logger, "a snapshot was sent"; "slaves" => slaves, "offset" => offset, "keys" => done.keys,
                    "bytes" => done.bytes, "ms" => began.elapsed().as_millis() as u64);
            }
            Err(error) => {
                slog::error!(logger, "a snapshot could not be sent"; "slaves" => slaves, "error" => error)
            }
        }
    }
}

/// Keeps a moment of the whole keyspace. What was logged by then is in it, and nothing else.
pub fn take(service: &Service) -> Result<Snapshot, String> {
    // So that little is left to be copied while all stand still.
    service.drain();
    take_now(service)
}

/// As [`take`], for who has just seen to it that partitions hold little that the store lacks.
pub fn take_now(service: &Service) -> Result<Snapshot, String> {
    let state = &service.state;
    // A slave's partitions are at one offset only between two pieces of its master's stream.
    let steps = state.following.is_slave().then(|| state.following.steps.blocking_lock());
    let (tell, told) = std::sync::mpsc::channel();
    crate::followed::with_all(state, move |held| {
        let mut partitions: Vec<&mut Partition> = held.iter_mut().map(|partition| &mut **partition).collect();
        let _ = tell.send(Snapshot::take(&mut partitions));
    });
    let mut snapshot = told.recv().map_err(|_| "the partitions are gone".to_string())?;
    if let Some(selected) = steps {
        snapshot.set_stream_database(*selected);
    }
    state.log.wait_written(snapshot.offset());
    Ok(snapshot)
}

/// What a file says of its origin.
fn origin(id: ReplicationId) -> Origin {
    let used_memory = tikv_jemalloc_ctl::stats::allocated::read().unwrap_or(0) as u64;
    Origin { id, redis_version: REDIS_VERSION, now_s: now_ms() / 1000, used_memory }
}

fn make(service: &Service, mut joined: Vec<Joined>) -> Result<(u64, Progress), String> {
    let state = &service.state;
    let snapshot = take(service)?;
    let (offset, id) = (snapshot.offset(), lock(&state.replication.history).id());
    joined.retain(|joined| joined.pieces.blocking_send(Piece::Begin { offset, id }).is_ok());
    let (empty, joined): (Vec<_>, Vec<_>) = joined.into_iter().partition(|joined| joined.without_data);
    send_empty(empty).map_err(|error| error.to_string())?;
    let (by_mark, by_length): (Vec<_>, Vec<_>) = joined.into_iter().partition(|joined| joined.by_mark);
    if by_mark.is_empty() && by_length.is_empty() {
        return Ok((offset, Progress::default()));
    }
    let spool = match by_length.is_empty() {
        true => None,
        false => {
            Some(unnamed(Path::new(state.config().get(options::DIR))).map_err(|error| error.to_string())?)
        }
    };
    let sink = Sink {
        state: state.clone(),
        by_mark,
        spool,
        buffer: Vec::with_capacity(PIECE),
        sent: 0,
        began: Instant::now(),
    };
    let mut told = Instant::now();
    let written = snapshot.write(sink, &origin(id), &state.settings(), &mut |progress| {
        if told.elapsed() >= TELL {
            told = Instant::now();
            slog::info!(state.logger, "a snapshot is being sent"; "keys" => progress.keys, "of" => progress.of,
                "bytes" => progress.bytes);
        }
    });
    let finished = written.map_err(|error| error.to_string()).and_then(|(mut sink, progress)| {
        sink.flush().map_err(|error| error.to_string())?;
        Ok((sink, progress))
    });
    // Links whose pieces end without an end know that it failed.
    let (sink, progress) = finished?;
    for joined in &sink.by_mark {
        let _ = joined.pieces.blocking_send(Piece::End);
    }
    if let Some(mut spool) = sink.spool {
        drop(snapshot);
        for joined in by_length {
            send_file(&mut spool, progress.bytes, &joined).map_err(|error| error.to_string())?;
        }
    }
    Ok((offset, progress))
}

/// Snapshots for those who want no keys.
fn send_empty(joined: Vec<Joined>) -> Result<(), rdb::Error> {
    for joined in joined {
        let bytes = rdb::Writer::new(Vec::new(), rdb::REDIS_7_0, rdb::Limits::default())?.finish()?;
        if !joined.by_mark {
            let _ = joined.pieces.blocking_send(Piece::Length(bytes.len() as u64));
        }
        let _ = joined.pieces.blocking_send(Piece::Bytes(bytes.into()));
        let _ = joined.pieces.blocking_send(Piece::End);
    }
    Ok(())
}

/// A file that goes when it is closed, or the process ends.
fn unnamed(folder: &Path) -> io::Result<File> {
    let path = folder.join("full-sync.tmp");
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

fn send_file(file: &mut File, length: u64, joined: &Joined) -> io::Result<()> {
    file.rewind()?;
    let mut sent = joined.pieces.blocking_send(Piece::Length(length)).is_ok();
    let mut left = length;
    while sent && left > 0 {
        let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
        file.read_exact(&mut piece)?;
        left -= piece.len() as u64;
        sent = joined.pieces.blocking_send(Piece::Bytes(piece.into())).is_ok();
    }
    if sent {
        let _ = joined.pieces.blocking_send(Piece::End);
    }
    Ok(())
}

/// Where a file goes while it is written.
struct Sink {
    state: Arc<State>,
    by_mark: Vec<Joined>,
    spool: Option<File>,
    buffer: Vec<u8>,
    sent: u64,
    began: Instant,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE)));
        if let Some(spool) = &mut self.spool {
            spool.write_all(&piece)?;
        }
        // Who has left is forgotten.
        self.by_mark.retain(|joined| joined.pieces.blocking_send(Piece::Bytes(piece.clone())).is_ok());
        if self.by_mark.is_empty() && self.spool.is_none() {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "all slaves have left"));
        }
        self.sent += piece.len() as u64;
        self.pace();
        Ok(())
    }
}

impl Sink {
    /// `full-sync-rate-limit`, as it is now. This thread serves no one.
    fn pace(&self) {
        let limit = self.state.config().get(options::FULL_SYNC_RATE_LIMIT);
        if limit > 0 {
            let due = Duration::from_secs_f64(self.sent as f64 / limit as f64);
            std::thread::sleep(due.saturating_sub(self.began.elapsed()).min(Duration::from_secs(1)));
        }
    }
}
