//! What commands ask of the server: [`pika_core::server::Server`], over the shared state.

use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pika_core::acl::Access;
use pika_core::config::{Config, Disk, Extent, Id, SetError, options, rewrite, rewrite_users};
use pika_core::info::{Numbers, Section, Sections, Statistics};
use pika_core::rdb::Digest;
use pika_core::replication::failover;
use pika_core::replication::master::Replica;
use pika_core::replication::verify::bisect::{Answer, Question};
use pika_core::replication::verify::{Key, Status, Target};
use pika_core::replication::{MasterLink, ReplicationId};
use pika_core::server::{
    Backup, ClientFacts, Compact, Dumped, Identity, Messages, Migration, Moment, Moved, Pause, Refetch,
    Server, Shutdown, Unblock,
};
use pika_core::session::Session;
use pika_core::slowlog::SlowLog;

use crate::following::Order;
use crate::message::{Control, Kill, Observe, Report, Unwait, Wake, Why};
use crate::state::{Blocking, ClientHandle, State, lock};
use crate::system;

mod numbers;

/// See the module's documentation.
#[derive(Debug, Clone)]
pub struct Service {
    /// What all share.
    pub state: Arc<State>,
}

impl Service {
    /// Asks all partitions. Only for threads that serve no one.
    pub fn reports(&self) -> Vec<Report> {
        let (answer, answers) = channel();
        for partition in self.state.partitions() {
            partition.do_send(Observe(answer.clone()));
        }
        drop(answer);
        answers.iter().collect()
    }

    fn control(&self, message: impl Fn() -> Control) {
        for partition in self.state.partitions() {
            partition.do_send(message());
        }
    }

    /// Has everything written so far reach RocksDB. Only for threads that serve no one.
    pub fn drain(&self) {
        let (done, wait) = channel();
        self.control(|| Control::Drain(done.clone()));
        for _ in self.state.partitions() {
            let _ = wait.recv();
        }
    }

    /// The server stops: nothing more is taken from its master.
    pub fn leave_master(&self) {
        let (done, wait) = channel();
        let sent = self.state.following.orders.get().map(|orders| orders.send(Order::Stop(done)));
        if let Some(Ok(())) = sent {
            let _ = wait.recv();
        }
    }
}

impl Server for Service {
    fn identity(&self) -> &Identity {
        &self.state.identity
    }

    fn config(&self) -> Arc<Config> {
        self.state.config()
    }

    fn clients(&self) -> Vec<ClientFacts> {
        let clients = lock(&self.state.clients);
        let mut facts: Vec<ClientFacts> = clients
            .values()
            .filter(|client| !crate::eviction::is_evicted(client))
            .map(|client| facts_of(client))
            .collect();
        drop(clients);
        facts.sort_by_key(|facts| facts.session.id);
        let broken = self.state.messaging.broken(facts.iter().map(|facts| facts.session.id));
        facts.iter_mut().zip(broken).for_each(|(facts, broken)| facts.broken_redirection = broken);
        facts
    }

    fn client(&self, id: u64) -> Option<ClientFacts> {
        let client = lock(&self.state.clients).get(&id).cloned()?;
        let mut facts = facts_of(&client);
        facts.broken_redirection = self.is_redirection_broken(id);
        Some(facts)
    }

    fn access(&self) -> &Access {
        &self.state.access
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        system::fill_random(buffer);
    }

    fn messages(&self) -> &dyn Messages {
        self
    }

    fn kill_client(&self, id: u64) -> bool {
        let mut clients = lock(&self.state.clients);
        let Some(address) = clients.get(&id).and_then(|client| client.address.get().cloned()) else {
            return false;
        };
        // From now on nobody sees it, and it hears nothing, though its connection takes a moment to go.
        clients.remove(&id);
        drop(clients);
        self.state.messaging.forget(id);
        address.do_send(Kill);
        true
    }

    fn pause(&self) -> Option<Pause> {
        self.state.client_pause()
    }

    fn set_pause(&self, pause: Option<Pause>) {
        self.state.set_client_pause(pause);
    }

    fn unblock(&self, id: u64, how: Unblock) -> bool {
        let Some(client) = lock(&self.state.clients).get(&id).cloned() else { return false };
        let mut blocking = lock(&client.blocked);
        match *blocking {
            Blocking::At(partition, ticket) => {
                *blocking = Blocking::No;
                drop(blocking);
                lock(&client.session).active_ms = crate::state::now_ms();
                self.state.partitions()[partition].do_send(Wake { ticket, why: Why::Unblocked(how) });
                true
            }
            Blocking::ForReplicas => {
                *blocking = Blocking::No;
                if let Some(actor) = self.state.replication.actor.get() {
                    actor.do_send(Unwait { client: id, how });
                }
                true
            }
            Blocking::Retrying(None) => {
                *blocking = Blocking::Retrying(Some(how));
                true
            }
            _ => false,
        }
    }

    fn log_offset(&self) -> u64 {
        self.state.log.committed()
    }

    fn synced_offset(&self) -> u64 {
        self.state.log.synced()
    }

    fn may_serve_replicas(&self) -> Result<(), &'static str> {
        match self.state.following.link() {
            Some(link) if !link.is_up() => Err("NOMASTERLINK Can't SYNC while not connected with my master"),
            _ => Ok(()),
        }
    }

    fn replicas(&self) -> Vec<Replica> {
        lock(&self.state.replication.master).replicas().map(|(_, replica)| replica.clone()).collect()
    }

    fn acknowledge(&self, id: u64, offset: u64, durable: Option<u64>) {
        crate::replication::acknowledge(&self.state, id, offset, durable);
    }

    fn acknowledged(&self, offset: u64, durable: bool) -> i64 {
        lock(&self.state.replication.master).acknowledged(offset, durable)
    }

    fn tell_replicas(&self, database: usize, words: &[&[u8]]) {
        crate::replication::tell_all(&self.state, database, words);
    }

    fn replication_id(&self) -> ReplicationId {
        lock(&self.state.replication.history).id()
    }

    fn failover_state(&self) -> &'static str {
        lock(&self.state.replication.failover).name()
    }

    fn master_link(&self) -> Option<MasterLink> {
        self.state.following.link()
    }

    fn slow_log(&self) -> &Mutex<SlowLog> {
        &self.state.slow_log
    }

    fn last_save_s(&self) -> u64 {
        lock(&self.state.backup).last_save_s
    }

    fn abort_shutdown(&self) -> bool {
        self.state.shutdown.abort()
    }

    fn numbers(&self, wanted: &Sections) -> Numbers {
        let reports = self.reports();
        let mut numbers = Numbers::default();
        numbers.clients.connected = self.state.client_count.load(Ordering::Relaxed) as u64;
        numbers.clients.blocked = self.state.counters.blocked_clients.load(Ordering::Relaxed);
        let facts = self.state.messaging.facts();
        numbers.clients.pubsub = facts.subscribers as u64;
        let [channels, patterns, shards] = facts.names.map(|count| count as u64);
        let stats = &mut numbers.stats;
        (stats.channels, stats.patterns, stats.shard_channels) = (channels, patterns, shards);
        let [clients, keys, items, prefixes] = facts.tracking.map(|count| count as u64);
        numbers.clients.tracking = clients;
        (stats.tracked_keys, stats.tracked_items, stats.tracked_prefixes) = (keys, items, prefixes);
        self.memory(&mut numbers, &reports);
        self.stats(&mut numbers, &reports);
        self.persistence(&mut numbers, &reports);
        self.keyspace(&mut numbers, &reports);
        if wanted.has(Section::Data) {
            self.data(&mut numbers, &reports);
        }
        if wanted.has(Section::Rocksdb) {
            self.rocksdb(&mut numbers, &reports);
        }
        let [user, system, children_user, children_system] = system::processor_seconds();
        numbers.cpu.user = user;
        numbers.cpu.system = system;
        numbers.cpu.user_children = children_user;
        numbers.cpu.system_children = children_system;
        numbers.commands = numbers::merged(&self.state, &reports);
        numbers
    }

    fn statistics(&self) -> Statistics {
        numbers::merged(&self.state, &self.reports())
    }

    fn reset_statistics(&self) {
        *lock(&self.state.admin_statistics) = Statistics::default();
        self.control(|| Control::ResetStatistics);
        let counters = &self.state.counters;
        for counter in [
            &counters.connections,
            &counters.rejected_connections,
            &counters.commands,
            &counters.input_bytes,
            &counters.output_bytes,
            &counters.reads,
            &counters.writes,
            &counters.disk_waits,
            &counters.output_limit_disconnections,
            &counters.evicted_clients,
            &counters.long_replies_given_up,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        // The messages above are handled in order with this one's: after it, all have reset.
        self.reports();
    }

    fn set_config(&self, config: Config, changed: &[Id]) -> Result<(), SetError> {
        for &id in changed {
            if id.is(options::MAXCLIENTS) {
                self.state.files.check(config.get(options::MAXCLIENTS))?;
            }
        }
        let before = crate::tls::change(&self.state, &config, changed)?;
        if let Some(&id) = changed.iter().find(|id| crate::listening::concerns(**id))
            && let Err(error) = crate::listening::change(&self.state, &config, id)
        {
            if let Some(contexts) = before {
                self.state.tls.replace(contexts);
            }
            return Err(error);
        }
        crate::logging::set_level(config.get(options::LOGLEVEL));
        self.state.log.configure(config.get(options::APPENDFSYNC), config.get(options::BINLOG_SEGMENT_SIZE));
        lock(&self.state.slow_log).set_max_len(config.get(options::SLOWLOG_MAX_LEN));
        if changed.iter().any(|id| id.is(options::REQUIREPASS)) {
            let Ok(()) = self.state.access.change(|users| {
                users.require_password(config.get(options::REQUIREPASS).as_bytes());
                Ok::<_, std::convert::Infallible>(())
            });
        }
        self.state.replace_config(config);
        crate::messaging::shrink(&self.state);
        crate::eviction::configure(&self.state, &self.state.config());
        crate::replication::refresh(&self.state);
        self.control(|| Control::Reconfigure);
        Ok(())
    }

    fn rewrite_config(&self, extent: Extent) -> Result<(), String> {
        let Some(path) = &self.state.config_path else {
            return Err("The server is running without a config file".into());
        };
        let config = self.state.config();
        let mut files = rewrite(path, &config, extent, &Disk).map_err(|error| error.to_string())?;
        if let Some(users) = crate::users::to_rewrite(&config, &self.state.access.users()) {
            rewrite_users(path, &users, &Disk, &mut files).map_err(|error| error.to_string())?;
        }
        for (path, text) in files {
            let temporary = path.with_extension("rewrite");
            std::fs::write(&temporary, text)
                .and_then(|()| std::fs::File::open(&temporary)?.sync_all())
                .and_then(|()| std::fs::rename(&temporary, &path))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    fn read_users(&self) -> Result<Vec<u8>, String> {
        crate::users::read(&self.state.config())
    }

    fn write_users(&self, text: &[u8]) -> Result<(), String> {
        crate::users::write(&self.state.config(), text).inspect_err(|error| {
            slog::error!(self.state.logger, "cannot write the file of users"; "error" => error);
        })
    }

    fn follow(&self, master: Option<(String, u16)>) -> Result<bool, String> {
        let gone = || "the link to a master cannot be changed now".to_string();
        let (answer, answered) = channel();
        let orders = self.state.following.orders.get().ok_or_else(gone)?;
        orders.send(Order::Follow(master, answer)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    fn fail_over(&self, request: &failover::Request) -> Result<(), String> {
        crate::replication::failover::begin(&self.state, request).map_err(str::to_string)
    }

    fn abort_failover(&self) -> bool {
        crate::replication::failover::abort(&self.state)
    }

    fn save(&self) -> Result<(), String> {
        crate::backup::make(self)
    }

    fn start_backup(&self) -> Result<Backup, String> {
        if lock(&self.state.backup).running_since.is_some() {
            return Ok(Backup::Running);
        }
        let service = self.clone();
        std::thread::Builder::new()
            .name("pika-backup".into())
            .spawn(move || {
                if let Err(error) = crate::backup::make(&service) {
                    slog::error!(service.state.logger, "backup failed"; "error" => error);
                }
            })
            .map_err(|error| error.to_string())?;
        Ok(Backup::Started)
    }

    fn delete_backups(&self) -> Result<u64, String> {
        crate::backup::delete_all(&self.state)
    }

    fn kill_script(&self, functions: bool) -> pika_core::server::Kill {
        self.state.scripts.kill(functions)
    }

    fn running_script(&self) -> Option<pika_core::server::RunningScript> {
        self.state.scripts.longest()
    }

    fn function_counts(&self) -> (usize, usize) {
        let functions = self.state.shared.functions();
        (functions.libraries().len(), functions.function_count())
    }

    fn shutdown(&self, request: Shutdown) -> Result<(), String> {
        if request.save == Some(true) {
            self.save()?;
        }
        crate::shutdown::run(self, request)
    }

    fn compact(&self, request: &Compact) -> Result<(), String> {
        crate::compaction::start(self, request)
    }

    fn purge_log(&self, offset: u64) -> Result<u64, String> {
        let flushed = self.state.write_behind.flushed.load(Ordering::Acquire);
        let pins = lock(&self.state.log.pins).clone();
        let removed = self.state.log.remove(|segments| {
            pika_core::binlog::retention::purge_to(segments, offset, crate::state::now_ms(), flushed, &pins)
                .remove
        });
        removed.map(|(count, _)| count as u64).map_err(|error| error.to_string())
    }

    fn migrate(&self, session: &Session, migration: &Migration) -> Result<Moved, String> {
        crate::migration::run(&self.state, session, migration)
    }

    fn checkpoint_list(&self, name: &str) -> Result<Vec<u8>, String> {
        crate::replication::checkpoint::list(&self.state, name)
    }

    fn checkpoint_read(&self, name: &str, file: &str, offset: u64, length: u64) -> Result<Vec<u8>, String> {
        crate::replication::checkpoint::chunk(&self.state, name, file, offset, length)
    }

    fn verify(&self, target: Option<Target>, repair: bool) -> Result<(), String> {
        crate::verify::start(self, target, repair)
    }

    fn stop_verifying(&self) -> bool {
        crate::verify::stop(self)
    }

    fn verify_status(&self) -> Status {
        crate::verify::status(self)
    }

    fn open_moment(&self) -> Result<Moment, String> {
        crate::verify::moments::open(self, crate::verify::moments::KEEP)
    }

    fn ask_moment(&self, name: &str, question: Question) -> Result<Answer, String> {
        crate::verify::moments::answer(self, name, question)
    }

    fn look_at_moment(&self, name: &str, keys: Vec<Key>) -> Result<Vec<Option<u128>>, String> {
        crate::verify::moments::look(self, name, keys)
    }

    fn open_refetch(&self, id: ReplicationId, offset: u64) -> Result<Refetch, String> {
        crate::replication::refetch::open(self, id, offset)
    }

    fn read_refetch(&self, moment: &str, keys: Vec<Key>) -> Result<Vec<Dumped>, String> {
        crate::replication::refetch::read(self, moment, keys)
    }

    fn close_moment(&self, name: &str) -> bool {
        crate::verify::moments::close(self, name)
    }

    fn reload(&self) -> Result<(), String> {
        self.drain();
        self.state.write_behind.flush();
        self.control(|| Control::DropCache);
        self.reports();
        Ok(())
    }

    fn digest(&self) -> Result<Digest, String> {
        let snapshot = crate::replication::full::take(self)?;
        snapshot.digest().map_err(|error| error.to_string())
    }

    fn populate(
        &self,
        session: &Session,
        count: u64,
        prefix: &[u8],
        size: Option<usize>,
    ) -> Result<(), String> {
        crate::populate::run(&self.state, session, count, prefix, size)
    }

    fn set_active_expire(&self, on: bool) {
        self.state.active_expire.store(on, Ordering::Relaxed);
    }

    fn change_replication_id(&self) {
        let fresh = crate::replication::new_id();
        if let Err(error) = self.state.replication.change_history(|history| history.adopt(fresh)) {
            crate::server::fail_stop(&self.state.logger, &format!("replication: {error}"));
        }
    }

    /// As in Redis, nobody is served meanwhile: all serving threads sleep as long as this one.
    fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        for serving in self.state.serving.get().into_iter().flatten() {
            serving.spawn_fn(move || std::thread::sleep(until.saturating_duration_since(Instant::now())));
        }
        std::thread::sleep(time);
    }

    fn purge_memory(&self) -> Result<(), String> {
        self.control(|| Control::DropCache);
        Ok(())
    }

    fn malloc_stats(&self) -> String {
        let _ = tikv_jemalloc_ctl::epoch::advance();
        format!(
            "jemalloc: allocated {} active {} resident {}",
            tikv_jemalloc_ctl::stats::allocated::read().unwrap_or(0),
            tikv_jemalloc_ctl::stats::active::read().unwrap_or(0),
            tikv_jemalloc_ctl::stats::resident::read().unwrap_or(0)
        )
    }
}

fn facts_of(client: &ClientHandle) -> ClientFacts {
    let mut facts = ClientFacts::new(lock(&client.session).clone());
    facts.blocked = !matches!(*lock(&client.blocked), Blocking::No | Blocking::Gone);
    let watch = lock(&client.watch).upgrade();
    facts.dirty = watch.is_some_and(|watch| watch.is_changed());
    facts.queued = usize::try_from(client.queued.load(Ordering::Relaxed)).ok();
    facts.fd = client.fd.load(Ordering::Relaxed);
    facts.query_buffer = client.input_bytes.load(Ordering::Relaxed);
    facts.query_buffer_free = client.input_capacity.load(Ordering::Relaxed);
    facts.memory = client.held.memory.load(Ordering::Relaxed);
    facts.output_buffer = client.output_bytes.load(Ordering::Relaxed);
    facts
}
