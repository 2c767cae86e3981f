//! A server for tests: what commands ask of it is answered from fields, and what they make it do is written down.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::*;
use crate::commands::{Run, table};
use crate::keyspace::transaction::Stop;
use crate::pubsub::{Counts, Kind, Registry};
use crate::tracking::{Options, Table};

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct StandIn {
    pub(crate) identity: Identity,
    pub(crate) config: Mutex<Arc<Config>>,
    pub(crate) clients: Vec<ClientFacts>,
    pub(crate) pause: Mutex<Option<Pause>>,
    pub(crate) slow_log: Mutex<SlowLog>,
    pub(crate) numbers: Numbers,
    pub(crate) registry: Mutex<Registry<u64>>,
    pub(crate) tracking: Mutex<Table>,
    pub(crate) access: Access,
    /// The file of users.
    pub(crate) users_file: RefCell<Vec<u8>>,
    pub(crate) backup_running: bool,
    pub(crate) master: Mutex<Option<MasterLink>>,
    /// What was done, in order.
    pub(crate) done: RefCell<Vec<String>>,
}

impl StandIn {
    fn note(&self, what: impl Into<String>) {
        self.done.borrow_mut().push(what.into());
    }

    /// Runs a command as a shell would; the raw reply.
    pub(crate) fn call(&self, session: &mut Session, words: &[&[u8]]) -> Vec<u8> {
        let mut frame = Vec::new();
        let mut ranges = Vec::new();
        for word in words {
            let start = frame.len() as u32;
            frame.extend_from_slice(word);
            ranges.push((start, frame.len() as u32));
        }
        let args = Args::new(&frame, &ranges);
        let mut reply = Reply::new(session.protocol);
        let entry = match table::resolve(args) {
            Ok(entry) => entry,
            Err(refusal) => {
                reply.error(&refusal.error);
                return reply.as_slice().to_vec();
            }
        };
        session.last_command = Some(&entry.full_name);
        let now_us = 1_700_000_000_000_000;
        let result = match entry.command.run {
            Run::Session(run) => run(
                &mut SessionContext {
                    session: &mut *session,
                    server: self,
                    reply: &mut reply,
                    now_us,
                    atomic: false,
                    later: None,
                },
                args,
            ),
            Run::Admin(run) | Run::Apart(run) => {
                run(&mut AdminContext { session: &*session, server: self, reply: &mut reply, now_us }, args)
            }
            _ => panic!("{} is not about the server", entry.full_name),
        };
        match result {
            Ok(()) => {}
            Err(Stop::Error(text)) => {
                assert!(reply.is_empty(), "{} wrote before it failed", entry.full_name);
                reply.error(&text);
            }
            Err(stop) => panic!("{} stopped: {stop:?}", entry.full_name),
        }
        if session.take_reply_permit() { reply.as_slice().to_vec() } else { Vec::new() }
    }

    /// Runs a command given as text, split at blanks; the raw reply as text.
    pub(crate) fn ask(&self, session: &mut Session, line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        String::from_utf8_lossy(&self.call(session, &words)).into_owned()
    }
}

impl StandIn {
    fn registry(&self) -> std::sync::MutexGuard<'_, Registry<u64>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tracking(&self) -> std::sync::MutexGuard<'_, Table> {
        self.tracking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Messages for StandIn {
    fn subscribe(&self, client: u64, kind: Kind, name: &[u8]) -> Counts {
        self.registry().subscribe(kind, client, name, client);
        self.registry().counts(client)
    }

    fn unsubscribe(&self, client: u64, kind: Kind, name: &[u8]) -> Counts {
        self.registry().unsubscribe(kind, client, name);
        self.registry().counts(client)
    }

    fn subscriptions(&self, client: u64, kind: Kind) -> Vec<Vec<u8>> {
        self.registry().names_of(kind, client)
    }

    fn publish(&self, kind: Kind, name: &[u8], message: &[u8], cause: u64) -> u64 {
        self.note(format!("publish {} {} by {cause}", name.escape_ascii(), message.escape_ascii()));
        self.subscribers(kind, name)
    }

    fn receivers(&self, kind: Kind, name: &[u8]) -> u64 {
        self.subscribers(kind, name)
    }

    fn channels(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Vec<u8>> {
        self.registry().names(kind, pattern)
    }

    fn subscribers(&self, kind: Kind, name: &[u8]) -> u64 {
        self.registry().subscribers(kind, name).len() as u64
    }

    fn patterns(&self) -> u64 {
        self.registry().len(Kind::Pattern) as u64
    }

    fn monitor(&self, client: u64) {
        self.note(format!("monitor {client}"));
    }

    fn track(&self, client: u64, options: Option<&Options>) {
        match options {
            Some(options) => self.tracking().enable(client, options),
            None => self.tracking().disable(client),
        }
    }

    fn is_redirection_broken(&self, client: u64) -> bool {
        self.tracking().is_broken(client)
    }

    fn forget(&self, client: u64) {
        self.registry().remove(client);
        self.tracking().disable(client);
    }
}

impl Server for StandIn {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn clients(&self) -> Vec<ClientFacts> {
        self.clients.clone()
    }

    fn access(&self) -> &Access {
        &self.access
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.iter_mut().enumerate().for_each(|(index, byte)| *byte = 0xa5 ^ index as u8);
    }

    fn messages(&self) -> &dyn Messages {
        self
    }

    fn kill_client(&self, id: u64) -> bool {
        self.note(format!("kill {id}"));
        true
    }

    fn pause(&self) -> Option<Pause> {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_pause(&self, pause: Option<Pause>) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = pause;
    }

    fn unblock(&self, id: u64, how: Unblock) -> bool {
        self.note(format!("unblock {id} {how:?}"));
        id == 7
    }

    fn log_offset(&self) -> u64 {
        42
    }

    fn master_link(&self) -> Option<MasterLink> {
        self.master.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn slow_log(&self) -> &Mutex<SlowLog> {
        &self.slow_log
    }

    fn last_save_s(&self) -> u64 {
        1_600_000_000
    }

    fn abort_shutdown(&self) -> bool {
        false
    }

    fn numbers(&self, _wanted: &Sections) -> Numbers {
        self.numbers.clone()
    }

    fn statistics(&self) -> Statistics {
        self.numbers.commands.clone()
    }

    fn reset_statistics(&self) {
        self.note("reset");
    }

    fn set_config(&self, config: Config, changed: &[Id]) -> Result<(), SetError> {
        changed.iter().for_each(|id| self.note(format!("set {}", id.row().name)));
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        Ok(())
    }

    fn rewrite_config(&self, _: Extent) -> Result<(), String> {
        Err("no disk".into())
    }

    fn read_users(&self) -> Result<Vec<u8>, String> {
        Ok(self.users_file.borrow().clone())
    }

    fn write_users(&self, text: &[u8]) -> Result<(), String> {
        *self.users_file.borrow_mut() = text.to_vec();
        Ok(())
    }

    fn follow(&self, master: Option<(String, u16)>) -> Result<bool, String> {
        self.note(format!("follow {master:?}"));
        let mut link = self.master.lock().unwrap_or_else(PoisonError::into_inner);
        let next = master.map(|(host, port)| MasterLink::new(host, port, 0));
        Ok(std::mem::replace(&mut *link, next.clone()) != next)
    }

    fn fail_over(&self, request: &failover::Request) -> Result<(), String> {
        self.note(format!("fail over {request:?}"));
        Ok(())
    }

    fn abort_failover(&self) -> bool {
        false
    }

    fn save(&self) -> Result<(), String> {
        self.note("save");
        Ok(())
    }

    fn start_backup(&self) -> Result<Backup, String> {
        Ok(if self.backup_running { Backup::Running } else { Backup::Started })
    }

    fn delete_backups(&self) -> Result<u64, String> {
        Ok(3)
    }

    fn shutdown(&self, request: Shutdown) -> Result<(), String> {
        self.note(format!("{request:?}"));
        Ok(())
    }

    fn compact(&self, request: &Compact) -> Result<(), String> {
        self.note(format!("{request:?}"));
        Ok(())
    }

    fn purge_log(&self, offset: u64) -> Result<u64, String> {
        self.note(format!("purge {offset}"));
        Ok(1)
    }

    fn migrate(&self, session: &Session, migration: &Migration) -> Result<Moved, String> {
        self.note(format!("{} {migration:?}", session.database));
        match migration.host.as_slice() {
            b"nowhere" => Err("-IOERR error or timeout connecting to the client"[1..].into()),
            _ if migration.keys == [b"nothing"] => Ok(Moved::Nothing),
            _ => Ok(Moved::Some),
        }
    }

    fn reload(&self) -> Result<(), String> {
        self.note("reload");
        Ok(())
    }

    fn digest(&self) -> Result<Digest, String> {
        Ok(Digest::default())
    }

    fn populate(
        &self,
        session: &Session,
        count: u64,
        prefix: &[u8],
        size: Option<usize>,
    ) -> Result<(), String> {
        let prefix = prefix.escape_ascii();
        self.note(format!("populate {} with {count} of {prefix} {size:?}", session.database));
        Ok(())
    }

    fn set_active_expire(&self, on: bool) {
        self.note(format!("active expire {on}"));
    }

    fn change_replication_id(&self) {
        self.note("change id");
    }

    fn sleep(&self, time: Duration) {
        self.note(format!("sleep {time:?}"));
    }

    fn purge_memory(&self) -> Result<(), String> {
        Ok(())
    }

    fn malloc_stats(&self) -> String {
        "stats".into()
    }
}
