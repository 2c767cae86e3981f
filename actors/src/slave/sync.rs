//! A master's whole data set: to a file, beside the data that is served, and in its place.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pika_core::config::options;
use pika_core::engine::{Engine, EngineError};
use pika_core::keyspace::counts::AllCounts;
use pika_core::keyspace::load::{self, Begin, Loader, LogRestart, Switch};
use pika_core::keyspace::namespace::Namespaces;
use pika_core::keyspace::partition::Partition;
use pika_core::keyspace::recovery;
use pika_core::replication::slave::{Event, Position};
use pika_core::scripting::Registry;

use super::{Feed, Link, News, fatal};
use crate::followed;
use crate::loading::{self, Pipe, Watcher};
use crate::state::State;
use crate::write_behind::{Errand, Job, Writer};

/// The file that a data set is received into, in the data folder.
const DATA_FILE: &str = "sync.rdb.tmp";
/// The file that the stream waits in while the data is loaded.
const SPOOL_FILE: &str = "sync.stream.tmp";
/// Bytes of the spool that are run at a time.
const SPOOL_BYTES: usize = 256 * 1024;

/// A data set that comes.
pub(super) struct Transfer {
    file: File,
    path: PathBuf,
    received: u64,
    began: Instant,
    told: Instant,
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A data set that is loaded, and what came of the stream meanwhile.
pub(super) struct Loading {
    given_up: Arc<AtomicBool>,
    spool: File,
    path: PathBuf,
}

impl Drop for Loading {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Release);
        let _ = std::fs::remove_file(&self.path);
    }
}

fn path_of(state: &State, name: &str) -> PathBuf {
    Path::new(state.config().get(options::DIR)).join(name)
}

/// Removes what a process that died in the middle left.
pub fn sweep(folder: &Path, keep: Duration) {
    super::fetch::sweep(folder, keep);
    super::adopt::sweep(folder);
    for name in [DATA_FILE, SPOOL_FILE] {
        let _ = std::fs::remove_file(folder.join(name));
    }
}

impl Link {
    pub(super) fn begin_transfer(&mut self, position: Position, size: Option<u64>) -> Result<(), String> {
        let path = path_of(&self.state, DATA_FILE);
        let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        // A master that can tell where the histories part offers files: here it is known from this side only.
        super::divergence::keep(&self.state, position, None)?;
        slog::info!(self.state.logger, "receiving the master's data set";
            "bytes" => size.map_or("unknown".to_string(), |size| size.to_string()), "offset" => position.offset);
        self.state.following.change(|link| {
            (link.sync_total, link.sync_received, link.sync_loaded, link.sync_keys) = (size, 0, 0, 0);
            link.sync_files = None;
        });
        let began = Instant::now();
        self.transfer = Some(Transfer { file, path, received: 0, began, told: began });
        Ok(())
    }

    pub(super) fn store(&mut self, bytes: &Bytes) -> Result<(), String> {
        let Some(transfer) = &mut self.transfer else { return Err("a data set nobody asked for".into()) };
        transfer.file.write_all(bytes).map_err(|error| format!("{}: {error}", transfer.path.display()))?;
        transfer.received += bytes.len() as u64;
        let received = transfer.received;
        if transfer.told.elapsed().as_secs() >= 1 {
            transfer.told = Instant::now();
            let rate = received as f64 / transfer.began.elapsed().as_secs_f64() / 1e6;
            slog::info!(self.state.logger, "receiving the master's data set"; "received" => received,
                "MB/s" => format!("{rate:.1}"));
        }
        self.state.following.change(|link| link.sync_received = received);
        Ok(())
    }

    /// Loads what was received, on a thread of its own.
    pub(super) fn load(&mut self, position: Position) -> Result<(), String> {
        let Some(transfer) = self.transfer.take() else { return Err("a data set nobody asked for".into()) };
        let path = path_of(&self.state, SPOOL_FILE);
        let options = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let spool = options.map_err(|error| format!("{}: {error}", path.display()))?;
        let given_up = Arc::new(AtomicBool::new(false));
        self.loading = Some(Loading { given_up: given_up.clone(), spool, path });
        slog::info!(self.state.logger, "loading the master's data set; what was here before is served until the end";
            "bytes" => transfer.received);
        let (state, news, session) = (self.state.clone(), self.news.clone(), self.session);
        std::thread::Builder::new()
            .name("pika-load".into())
            .spawn(move || {
                let result = load_and_switch(&state, &transfer, position, &given_up);
                drop(transfer);
                let _ = news.send(News::Loaded(session, result));
            })
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    /// Keeps bytes of the stream until the data is loaded.
    pub(super) fn spool(&mut self, bytes: &Bytes) -> Result<(), String> {
        let Some(loading) = &mut self.loading else { return Err("nothing is being loaded".into()) };
        loading.spool.write_all(bytes).map_err(|error| format!("{}: {error}", loading.path.display()))
    }

    /// The data set is in its place, or cannot be.
    pub(super) async fn loaded(&mut self, result: Result<(), String>) {
        if result.is_ok() {
            self.whole.store(false, std::sync::atomic::Ordering::Release);
        }
        if self.fetching.take().is_some() {
            if result.is_ok() {
                self.full = false;
                self.state.following.change(|link| link.full_syncs += 1);
            }
            let event = match &result {
                Ok(()) => Event::Loaded(Ok(())),
                Err(why) => Event::Loaded(Err(why)),
            };
            return self.handle(event).await;
        }
        let Some(mut loading) = self.loading.take() else { return };
        if let Err(why) = result {
            return self.handle(Event::Loaded(Err(&why))).await;
        }
        self.full = false;
        self.state.following.change(|link| link.full_syncs += 1);
        match Feed::new(&self.state) {
            Ok(feed) => {
                *self.state.following.steps.lock().await = feed.selected();
                self.feed = Some(feed);
            }
            Err(error) => fatal(&self.state, "after a full synchronisation", &error),
        }
        let offset = self.state.log.committed();
        self.handle(Event::Applied(offset)).await;
        self.handle(Event::Loaded(Ok(()))).await;
        // What came meanwhile is the beginning of the stream.
        use std::io::{Seek, SeekFrom};
        let mut buffer = vec![0; SPOOL_BYTES];
        if let Err(error) = loading.spool.seek(SeekFrom::Start(0)) {
            return self.handle(Event::Broken(&error.to_string())).await;
        }
        while self.feed.is_some() {
            match loading.spool.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    let bytes = Bytes::copy_from_slice(&buffer[..count]);
                    self.act(vec![pika_core::replication::slave::Action::Stream(bytes)]).await;
                    self.publish();
                }
                Err(error) => return self.handle(Event::Broken(&error.to_string())).await,
            }
        }
    }
}

/// Tells INFO how far it is, and stops when the link is gone.
struct Progress<'a> {
    state: &'a State,
    given_up: &'a AtomicBool,
    told: Instant,
}

impl Watcher for Progress<'_> {
    fn at(&mut self, bytes: u64, loader: &Loader) -> bool {
        let keys = loader.tally.keys();
        self.state.following.change(|link| (link.sync_loaded, link.sync_keys) = (bytes, keys));
        if self.told.elapsed().as_secs() >= 1 {
            self.told = Instant::now();
            slog::info!(self.state.logger, "loading the master's data set"; "bytes" => bytes, "keys" => keys);
        }
        !self.given_up.load(Ordering::Acquire)
    }
}

fn load_and_switch(
    state: &Arc<State>,
    transfer: &Transfer,
    position: Position,
    given_up: &AtomicBool,
) -> Result<(), String> {
    let began = Instant::now();
    let databases = state.config().get(options::DATABASES) as usize;
    let found = on_writer(state, move |store| {
        // Hand-offs that are on their way bring new namespaces and versions with them; a load keeps far off.
        recovery::read(&store.engine, databases)
    });
    let begin = Begin { namespaces: found.namespaces.clone(), next_version: found.next_version };
    // What an earlier one left is gone by its marks when the next start finds them; here they would pile up.
    let abandoned = found.abandoned.clone();
    let mut loader = Loader::new(Arc::new(state.engine.clone()), begin, (*state.settings()).clone());
    let marks = loader.marks();
    on_writer(state, move |store| {
        recovery::abandon(&store.engine, &abandoned)?;
        store.engine.write(marks)?;
        store.flush_and_wait()
    });
    let mut pipe = Pipe::of_server(state);
    let mut progress = Progress { state, given_up, told: Instant::now() };
    let input = loading::open(&transfer.path)?;
    let (_, database) =
        loading::rdb(input, &mut loader, &mut pipe, None, &mut progress).inspect_err(|_| give_up(state))?;
    pipe.finish(&mut loader)?;
    let loaded = loader.finish();
    let mut id = [0; 40];
    id.copy_from_slice(position.id.as_str().as_bytes());
    let restart = LogRestart { offset: position.offset, id, database };
    let partitions = state.identity.partitions;
    let tally = loaded.tally.clone();
    let switch = Switch { loaded, offset: position.offset, partitions, restart: Some(restart) };
    if given_up.load(Ordering::Acquire) {
        give_up(state);
        return Err("it was given up".into());
    }
    switch_to(state, switch, position)?;
    slog::info!(state.logger, "the master's data set is in its place"; "loaded" => tally.to_string(),
        "ms" => began.elapsed().as_millis() as u64, "offset" => position.offset);
    Ok(())
}

/// Shows what was loaded, in the place of what was served.
pub(super) fn switch_to(state: &Arc<State>, switch: Switch, position: Position) -> Result<(), String> {
    let (tell, told) = channel();
    let shared = state.clone();
    followed::replace_all(state, move |held| {
        let Switch { loaded, .. } = &switch;
        let in_place = InPlace {
            namespaces: loaded.namespaces.clone(),
            counts: loaded.counts.clone(),
            next_version: loaded.next_version,
            functions: Some(loaded.functions.clone()),
        };
        put_in_place(&shared, position, held, move |store| {
            switch.apply(&store.engine)?;
            Ok(in_place)
        });
        let _ = tell.send(());
    });
    told.recv().map_err(|error| error.to_string())
}

/// What was loaded so far is to be dropped.
pub(super) fn give_up(state: &Arc<State>) {
    on_writer(state, |store| {
        let found = recovery::read(&store.engine, 1)?;
        recovery::abandon(&store.engine, &found.abandoned)
    });
}

/// Has something done by the thread that writes the store, and waits for it.
pub(super) fn on_writer<T: Send + 'static>(
    state: &Arc<State>,
    run: impl FnOnce(&mut crate::write_behind::Writer) -> Result<T, pika_core::engine::EngineError>
    + Send
    + 'static,
) -> T {
    let (tell, told) = channel();
    let errand = move |store: &mut crate::write_behind::Writer| {
        let _ = tell.send(run(store)?);
        Ok(())
    };
    state.write_behind.send(Job::Run(Errand(Box::new(errand))));
    match told.recv() {
        Ok(result) => result,
        // A clean stop overtook this thread: the process ends in a moment.
        Err(_) if state.stopping.load(Ordering::Acquire) => loop {
            std::thread::park();
        },
        // The writer ends the process when it fails.
        Err(_) => fatal(state, "the store", &"its thread is gone"),
    }
}

/// What the partitions go on with, once the store shows other data.
pub(super) struct InPlace {
    pub(super) namespaces: Namespaces,
    pub(super) counts: AllCounts,
    pub(super) next_version: u64,
    /// The libraries of functions, if they are others.
    pub(super) functions: Option<Arc<Registry>>,
}

/// With all partitions' states in hand: the store shows other data, which `apply` puts there, the log begins anew, and so
/// do the partitions.
pub(super) fn put_in_place(
    state: &Arc<State>,
    position: Position,
    held: &mut [Box<Partition>],
    apply: impl FnOnce(&mut Writer) -> Result<InPlace, EngineError> + Send + 'static,
) {
    state.log.wait_written(held[0].shared.next_offset());
    // The log that slaves of this slave are sent is none of theirs any more.
    crate::replication::drop_all(state);
    let offset = position.offset;
    let in_place = on_writer(state, move |store| {
        // Older memtables go to disk with this: the log must cover them, should the process die in between.
        store.flush_and_wait()?;
        let in_place = apply(store)?;
        store.replaced(offset);
        Ok(in_place)
    });
    if let Err(error) = state.log.restart(offset, &state.config()) {
        fatal(state, "beginning the log anew", &error);
    }
    crate::server::change_history(state, |history| history.adopt(position.id));
    on_writer(state, |store| load::restarted(&store.engine));
    let shared = held[0].shared.clone();
    shared.raise_version(in_place.next_version);
    shared.set_next_offset(offset);
    for partition in held.iter_mut() {
        let counts = if partition.index == 0 { in_place.counts.clone() } else { AllCounts::default() };
        if let Some(functions) = &in_place.functions {
            partition.shared.set_functions(functions.clone());
        }
        partition.replace(in_place.namespaces.clone(), counts, offset);
    }
}
