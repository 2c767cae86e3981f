//! One slave: a task that sends it its snapshot, and then the log as it grows.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use pika_core::binlog::{self, Reader};
use pika_core::config::options;
use pika_core::files::Real;
use pika_core::replication::handshake::{Announced, Request};
use pika_core::replication::master::{Stage, Start};
use pika_core::replication::slave::Position;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;

use super::Signals;
use super::checkpoint::Kept;
use super::full::{Joined, Piece};
use crate::following::Order;
use crate::message::Kill;
use crate::service::Service;
use crate::socket::Accepted;
use crate::state::{State, lock, now_ms};
use crate::tls::session::Half;

/// About so much of the stream is sent at a time; bytes.
const AT_ONCE: usize = 256 * 1024;
/// How often a slave that waits for its snapshot is told that its master is alive.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pieces of a snapshot that may wait for one slave.
const PIECES: usize = 8;

/// Why a link ends.
#[derive(Debug)]
enum End {
    /// Its connection was closed.
    Closed,
    /// It has all that it asked for.
    Done,
    /// For the operator.
    Failed(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        End::Failed(error.to_string())
    }
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Half),
}

impl Socket {
    fn new(accepted: Accepted) -> io::Result<Socket> {
        Ok(match accepted {
            Accepted::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
            Accepted::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
            Accepted::Tls(stream, session) => Socket::Tls(Half::from_parts(stream, session)?),
        })
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let written = match self {
                Socket::Tcp(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
                Socket::Unix(stream) => {
                    stream.writable().await?;
                    stream.try_write(bytes)
                }
                Socket::Tls(half) => {
                    half.writable().await?;
                    let written = half.try_write(bytes);
                    // What was taken has to leave, also if nothing follows for long.
                    if half.is_pending() {
                        half.writable().await?;
                    }
                    written
                }
            };
            match written {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
        }
    }
}

struct Link {
    state: Arc<State>,
    id: u64,
    announced: Announced,
    socket: Socket,
    signals: Arc<Signals>,
}

/// Runs a link until it ends.
pub async fn run(
    state: Arc<State>,
    id: u64,
    peer: String,
    announced: Announced,
    request: Request,
    socket: Accepted,
) {
    let Ok(socket) = Socket::new(socket) else { return };
    if announced.hands_over
        && let Err(error) = take_over(&state).await
    {
        slog::error!(state.logger, "the master's role is not taken over"; "because" => error);
        return end_connection(&state, id);
    }
    let (start, signals) = super::begin(&state, id, &peer, announced.clone(), &request);
    // Whoever ends the connection from here on finds the slave to be detached.
    if !lock(&state.clients).contains_key(&id) {
        super::detach(&state, id);
        return;
    }
    let port = announced.port;
    let link = Link { state: state.clone(), id, announced, socket, signals };
    let end = match link.serve(start).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    match end {
        End::Closed => slog::info!(state.logger, "a slave has left"; "address" => &peer, "port" => port),
        End::Done => {
            slog::info!(state.logger, "a slave has its snapshot"; "address" => &peer, "port" => port)
        }
        End::Failed(reason) => {
            slog::warn!(state.logger, "the link to a slave ends"; "address" => &peer, "port" => port, "reason" => reason);
        }
    }
    super::detach(&state, id);
    end_connection(&state, id);
}

fn end_connection(state: &State, id: u64) {
    if let Some(address) = lock(&state.clients).get(&id).and_then(|client| client.address.get().cloned()) {
        address.do_send(Kill);
    }
}

/// The master becomes this server's slave, and this server the master.
async fn take_over(state: &State) -> Result<(), String> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let orders = state.following.orders.get().ok_or("it is starting")?;
    orders.send(Order::TakeOver(answer)).map_err(|error| error.to_string())?;
    answered.await.map_err(|error| error.to_string())?
}

/// Of what never ends well.
type Served = Result<std::convert::Infallible, End>;

impl Link {
    async fn serve(&self, start: Start) -> Served {
        match start {
            Start::Partial { from, id } => {
                slog::info!(self.state.logger, "a slave goes on from the log"; "slave" => self.id, "offset" => from,
                    "behind" => self.state.log.committed().saturating_sub(from));
                let answer = if self.announced.psync2 {
                    format!("+CONTINUE {id}\r\n")
                } else {
                    "+CONTINUE\r\n".into()
                };
                self.send(answer.as_bytes()).await?;
                self.stream(from).await
            }
            Start::Refetch { common } => self.refer(common).await,
            Start::Full { reason, common } => {
                slog::info!(self.state.logger, "a slave gets a snapshot"; "slave" => self.id, "because" => reason);
                if self.announced.files
                    && !self.announced.only_snapshot
                    && let Some(kept) = self.checkpoint().await?
                {
                    return self.offer(kept, common).await;
                }
                let offset = self.snapshot().await?;
                self.stream(offset).await
            }
        }
    }

    /// Waits for something, or for the end of the connection.
    async fn or_closing<T>(&self, what: impl Future<Output = T>) -> Result<T, End> {
        tokio::select! {
            done = what => Ok(done),
            () = self.signals.closing.notified() => Err(End::Closed),
        }
    }

    /// Sends bytes that are no part of the stream.
    async fn send(&self, mut bytes: &[u8]) -> Result<(), End> {
        while !bytes.is_empty() {
            let count = self.or_closing(self.socket.write(bytes)).await??;
            self.count(count);
            bytes = bytes.get(count..).unwrap_or_default();
            lock(&self.state.replication.master).progress(self.id, None, 0, now_ms());
        }
        Ok(())
    }

    fn count(&self, bytes: usize) {
        use std::sync::atomic::Ordering::Relaxed;
        self.state.counters.output_bytes.fetch_add(bytes as u64, Relaxed);
        self.state.counters.replication_output_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// The next piece. A slave that waits is told once a second that its master is alive.
    async fn next(&self, pieces: &mut mpsc::Receiver<Piece>) -> Result<Piece, End> {
        loop {
            match self.or_closing(tokio::time::timeout(PATIENCE, pieces.recv())).await? {
                Ok(Some(piece)) => return Ok(piece),
                Ok(None) => return Err(End::Failed("the snapshot could not be made".into())),
                Err(_) => self.send(b"\n").await?,
            }
        }
    }

    /// A checkpoint for it; `None` if there can be none.
    async fn checkpoint(&self) -> Result<Option<Arc<Kept>>, End> {
        if !self.state.config().get(options::FULL_SYNC_FILES) || self.state.following.is_slave() {
            return Ok(None);
        }
        let service = Service { state: self.state.clone() };
        let mut made = pin!(tokio::task::spawn_blocking(move || super::checkpoint::obtain(&service)));
        let made = loop {
            match self.or_closing(tokio::time::timeout(PATIENCE, &mut made)).await? {
                Ok(made) => break made.map_err(|error| End::Failed(error.to_string()))?,
                Err(_) => self.send(b"\n").await?,
            }
        };
        match made {
            Ok(kept) => Ok(Some(kept)),
            Err(error) => {
                slog::error!(self.state.logger, "no checkpoint for a slave: it gets an RDB file"; "error" => error);
                Ok(None)
            }
        }
    }

    /// Tells it where the histories parted. It asks for what differs over a connection of its own, and comes back for the
    /// stream.
    async fn refer(&self, common: u64) -> Served {
        let id = lock(&self.state.replication.history).id();
        slog::info!(self.state.logger, "a slave has writes of its own: it fetches again what differs";
            "slave" => self.id, "common-offset" => common);
        super::refresh(&self.state);
        self.send(format!("+DIVERGED {id} {common}\r\n").as_bytes()).await?;
        loop {
            self.or_closing(tokio::time::sleep(PATIENCE)).await?;
            self.send(b"\n").await?;
        }
    }

    /// Tells it of a checkpoint, which it fetches over connections of its own. It comes back for the stream.
    async fn offer(&self, kept: Arc<Kept>, common: Option<u64>) -> Served {
        let Position { id, offset } = kept.list.of;
        lock(&self.state.replication.master).sending(self.id, offset, now_ms());
        super::refresh(&self.state);
        // The offset up to which its history is this one, if it has more of it: it says what is lost by that.
        let common = common.map_or(String::new(), |common| format!(" {common}"));
        self.send(format!("+CHECKPOINT {id} {offset} {}{common}\r\n", kept.name).as_bytes()).await?;
        loop {
            self.or_closing(tokio::time::sleep(PATIENCE)).await?;
            if !kept.is_valid(&self.state) {
                let why =
                    "the log no longer has what follows the checkpoint: binlog-retention-bytes is too small";
                self.send(format!("-ERR {why}\r\n").as_bytes()).await?;
                return Err(End::Failed(why.into()));
            }
            self.send(b"\n").await?;
        }
    }

    /// Sends a snapshot. Returns its offset when the stream may follow.
    async fn snapshot(&self) -> Result<u64, End> {
        let Announced { eof, silent, without_data, .. } = self.announced;
        // It collects from the moment of the snapshot on.
        let (sender, mut pieces) = mpsc::channel(PIECES);
        super::full::join(&self.state, Joined { pieces: sender, by_mark: eof, without_data });
        let (offset, id) = loop {
            if let Piece::Begin { offset, id } = self.next(&mut pieces).await? {
                break (offset, id);
            }
        };
        lock(&self.state.replication.master).sending(self.id, offset, now_ms());
        super::refresh(&self.state);
        if !silent {
            self.send(format!("+FULLRESYNC {id} {offset}\r\n").as_bytes()).await?;
        }
        let mark = crate::system::random_hex(40);
        if eof {
            self.send(format!("$EOF:{mark}\r\n").as_bytes()).await?;
        }
        loop {
            // Within the file nothing else may be sent.
            let piece = match eof {
                true => self.or_closing(pieces.recv()).await?.unwrap_or(Piece::Failed),
                false => self.next(&mut pieces).await?,
            };
            match piece {
                Piece::Length(length) => {
                    self.send(format!("${length}\r\n").as_bytes()).await?;
                    break;
                }
                Piece::Bytes(bytes) => self.send(&bytes).await?,
                Piece::End => {
                    self.send(mark.as_bytes()).await?;
                    return self.sent(offset, true).await;
                }
                Piece::Failed => return Err(End::Failed("the snapshot could not be made".into())),
                Piece::Begin { .. } => {}
            }
        }
        loop {
            match self.or_closing(pieces.recv()).await?.unwrap_or(Piece::Failed) {
                Piece::Bytes(bytes) => self.send(&bytes).await?,
                Piece::End => return self.sent(offset, false).await,
                _ => return Err(End::Failed("the snapshot could not be read".into())),
            }
        }
    }

    /// All of the snapshot was sent.
    async fn sent(&self, offset: u64, by_mark: bool) -> Result<u64, End> {
        let stage = lock(&self.state.replication.master).sent_snapshot(self.id, by_mark, now_ms());
        match stage {
            Some(Stage::Loading) => self.or_closing(self.signals.online.notified()).await?,
            Some(Stage::Online) => {}
            Some(_) => return Err(End::Done),
            None => return Err(End::Closed),
        }
        super::refresh(&self.state);
        slog::info!(self.state.logger, "a slave is online"; "slave" => self.id, "offset" => offset);
        Ok(offset)
    }

    /// Sends the log from an offset on, for ever.
    async fn stream(&self, from: u64) -> Served {
        let log = self.state.log.clone();
        let _reading = log.feed.begin();
        let mut sent = from;
        let mut files: Option<Files> = None;
        let mut buffer = BytesMut::with_capacity(AT_ONCE);
        loop {
            let mut news = pin!(log.feed.news());
            news.as_mut().enable();
            let end = log.committed();
            lock(&self.state.replication.master).progress(self.id, Some(sent), end, now_ms());
            if sent >= end {
                self.or_closing(news).await?;
                continue;
            }
            buffer.clear();
            let next = match log.feed.read(sent, end, &mut buffer, AT_ONCE) {
                Some(next) => {
                    files = None;
                    next
                }
                None => {
                    let reading = files.take().unwrap_or_else(|| Files::new(&self.state));
                    let from_disk = tokio::task::spawn_blocking(move || reading.read(sent, end, buffer));
                    let (reading, bytes, next) = self
                        .or_closing(from_disk)
                        .await?
                        .map_err(|error| End::Failed(error.to_string()))?
                        .map_err(|error| End::Failed(error.to_string()))?;
                    (files, buffer) = (Some(reading), bytes);
                    next
                }
            };
            let mut rest = &buffer[..];
            while !rest.is_empty() {
                let count = self.or_closing(self.socket.write(rest)).await??;
                self.count(count);
                rest = rest.get(count..).unwrap_or_default();
            }
            sent = next;
        }
    }
}

/// Reads the log's files for one slave, on a thread that may wait.
struct Files {
    directory: std::path::PathBuf,
    reader: Option<Reader>,
}

impl Files {
    fn new(state: &State) -> Files {
        Files { directory: state.log.with_writer(|writer| writer.directory().to_path_buf()), reader: None }
    }

    /// The stream from `from` on, up to `until` or until it is enough, into `out`, and where it stopped.
    fn read(mut self, from: u64, until: u64, mut out: BytesMut) -> binlog::Result<(Files, BytesMut, u64)> {
        let mut reader = match self.reader.take() {
            Some(mut reader) => {
                reader.extend(until);
                reader
            }
            None => Reader::open(Arc::new(Real), &self.directory, from, until)?,
        };
        let mut at = from;
        while out.len() < AT_ONCE
            && let Some(record) = reader.read()?
        {
            // It may have been sent in part.
            let skip = usize::try_from(at.saturating_sub(record.header.offset)).unwrap_or(usize::MAX);
            out.extend_from_slice(record.payload.get(skip..).unwrap_or_default());
            at = record.header.offset + u64::from(record.header.payload_length);
        }
        self.reader = Some(reader);
        Ok((self, out, at))
    }
}
