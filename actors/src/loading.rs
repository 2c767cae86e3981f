//! Whole data sets on their way into the store: from an RDB file, and from an append-only file.
//!
//! One thread reads and encodes, another writes the store; between them go hand-offs, two at a time. Memory is bounded
//! by these and by the largest value.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use pika_core::commands::Args;
use pika_core::engine::rocks::RocksEngine;
use pika_core::engine::{Engine, EngineError};
use pika_core::keyspace::load::{LoadWriter, Loader};
use pika_core::keyspace::write_behind::{Applied, HandOff};
use pika_core::rdb::{Item, Reader};
use pika_core::replication::stream::Cutter;

use crate::state::{State, lock, now_ms};
use crate::write_behind::{Errand, Job};

/// Bytes of keys and values that one hand-off has, about.
const HAND_OFF_BYTES: usize = 8 << 20;
/// Hand-offs under way at a time.
const UNDER_WAY: usize = 2;
/// Bytes that stay in memory for commands of an append-only file to find.
const CACHE_BYTES: usize = 64 << 20;
/// Bytes of a file that are read at a time.
const READ_BYTES: usize = 1 << 20;
/// Keys or commands between two looks at how far it is.
const STEPS: u64 = 256;

/// Where hand-offs go, and their answers come from.
pub struct Pipe {
    send: Box<dyn FnMut(HandOff) -> Result<(), String> + Send>,
    answers: Receiver<Applied>,
    under_way: usize,
    /// The thread, if it is the pipe's own.
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The pipe's own thread has ended when this has: it would close the store while the process ends, and RocksDB does not
/// survive that.
impl Drop for Pipe {
    fn drop(&mut self) {
        // Without its sender the thread sees the end of its jobs.
        self.send = Box::new(|_| Err("the pipe has ended".into()));
        if let Some(thread) = self.thread.take() {
            // A panic there has ended the process already.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pipe {{ under_way: {} }}", self.under_way)
    }
}

impl Pipe {
    /// To the thread that writes a running server's store.
    pub fn of_server(state: &Arc<State>) -> Pipe {
        let (tell, answers) = channel();
        let (state, writer) = (state.clone(), Arc::new(Mutex::new(LoadWriter::default())));
        let send = move |hand_off: HandOff| {
            let (tell, writer): (Sender<Applied>, _) = (tell.clone(), writer.clone());
            let errand = move |store: &mut crate::write_behind::Writer| {
                let applied = lock(&writer).apply(&store.engine, hand_off)?;
                let _ = tell.send(applied);
                Ok(())
            };
            state.write_behind.send(Job::Run(Errand(Box::new(errand))));
            Ok(())
        };
        Pipe { send: Box::new(send), answers, under_way: 0, thread: None }
    }

    /// To a thread of its own, which is the only one to write the store, and flushes it when its memory is full.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn of_store(engine: RocksEngine) -> std::io::Result<Pipe> {
        let (tell, answers) = channel();
        let (send, jobs) = channel::<HandOff>();
        let write = move || -> Result<(), EngineError> {
            let mut writer = LoadWriter::default();
            for hand_off in jobs {
                let applied = writer.apply(&engine, hand_off)?;
                if tell.send(applied).is_err() {
                    break;
                }
                if engine.unflushed_bytes() >= engine.options().write_buffer_bytes as u64 {
                    engine.flush(false)?;
                }
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("pika-writer".into()).spawn(move || {
            if let Err(error) = write() {
                eprintln!("pika: the store: {error}");
            }
        })?;
        let send = move |hand_off| send.send(hand_off).map_err(|_| "the store cannot be written".to_string());
        Ok(Pipe { send: Box::new(send), answers, under_way: 0, thread: Some(thread) })
    }

    fn await_one(&mut self, loader: &mut Loader, cache_bytes: usize) -> Result<(), String> {
        let applied = self.answers.recv().map_err(|_| "the store cannot be written".to_string())?;
        self.under_way -= 1;
        loader.applied(applied, cache_bytes);
        Ok(())
    }

    /// Hands off what the loader has, once that is much.
    fn pass(&mut self, loader: &mut Loader, cache_bytes: usize) -> Result<(), String> {
        if loader.pending_bytes() / (self.under_way + 1) < HAND_OFF_BYTES {
            return Ok(());
        }
        if self.under_way == UNDER_WAY {
            self.await_one(loader, cache_bytes)?;
        }
        self.hand_off(loader)
    }

    fn hand_off(&mut self, loader: &mut Loader) -> Result<(), String> {
        if let Some(hand_off) = loader.hand_off() {
            (self.send)(hand_off)?;
            self.under_way += 1;
        }
        Ok(())
    }

    /// Hands off the rest, and waits for all.
    ///
    /// # Errors
    /// The store's.
    pub fn finish(&mut self, loader: &mut Loader) -> Result<(), String> {
        self.hand_off(loader)?;
        while self.under_way > 0 {
            self.await_one(loader, 0)?;
        }
        Ok(())
    }
}

/// What a load is told from outside, and tells.
pub trait Watcher {
    /// So many bytes of the file were read, and this is what they brought. Returns whether to go on.
    fn at(&mut self, bytes: u64, loader: &Loader) -> bool;
}

/// Loads an RDB file. With `skip_before_ms`, keys that expired by then are left out. Returns what follows the file, and
/// the database that its auxiliary field `repl-stream-db` names.
///
/// # Errors
/// For the operator: the file is damaged, or has what this server cannot hold. Nothing of it is shown then.
pub fn rdb<R: Read>(
    input: R,
    loader: &mut Loader,
    pipe: &mut Pipe,
    skip_before_ms: Option<u64>,
    watcher: &mut dyn Watcher,
) -> Result<(R, u16), String> {
    let mut reader = Reader::new(input).map_err(|error| format!("no RDB file that can be read: {error}"))?;
    let (mut steps, mut stream_database) = (0, 0);
    loop {
        let at = reader.position();
        let item = reader.next().map_err(|error| format!("the RDB file, behind byte {at}: {error}"))?;
        match item {
            None => break,
            Some(Item::Key(item)) => {
                loader.put(item, skip_before_ms).map_err(|error| error.to_string())?;
                pipe.pass(loader, 0)?;
            }
            Some(Item::Function(code)) => loader.function(&code).map_err(|error| error.to_string())?,
            Some(Item::Auxiliary { name, text }) if name == b"repl-stream-db" => {
                stream_database =
                    std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            }
            Some(_) => {}
        }
        steps += 1;
        if steps % STEPS == 0 && !watcher.at(reader.position(), loader) {
            return Err("it was given up".into());
        }
    }
    loader.tally.empty += reader.empty_keys();
    watcher.at(reader.position(), loader);
    Ok((reader.into_inner(), stream_database))
}

/// Opens a file for [`rdb`].
///
/// # Errors
/// For the operator.
pub fn open(path: &Path) -> Result<BufReader<File>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(BufReader::with_capacity(READ_BYTES, file))
}

/// Runs the commands of an append-only file, from where `input` stands. Returns how many bytes at its end are no whole
/// command or transaction.
///
/// # Errors
/// For the operator: the file is damaged, or has what this server cannot do.
pub fn commands(
    mut input: impl Read,
    loader: &mut Loader,
    pipe: &mut Pipe,
    databases: usize,
    watcher: &mut dyn Watcher,
) -> Result<usize, String> {
    let mut cutter = Cutter::new(1, databases, 0);
    let (mut buffer, mut done) = (vec![0; READ_BYTES], 0u64);
    loop {
        let count = input.read(&mut buffer).map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(cutter.waiting());
        }
        cutter.push(&buffer[..count]);
        let now_ms = now_ms();
        while let Some(cut) =
            cutter.cut().map_err(|error| format!("behind byte {done} of the commands: {error}"))?
        {
            for command in cut.pieces.iter().flat_map(|piece| &piece.commands) {
                let (first, words) = (command.words.0 as usize, command.words.1 as usize);
                let args = Args::new(&cut.frame, &cut.ranges[first..first + words]);
                loader
                    .run(command.database, args, now_ms)
                    .map_err(|error| format!("behind byte {done} of the commands: {error}"))?;
                pipe.pass(loader, CACHE_BYTES)?;
            }
            done += cut.frame.len() as u64;
            if !watcher.at(done, loader) {
                return Err("it was given up".into());
            }
        }
    }
}
