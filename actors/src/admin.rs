//! The admin actor: commands about the server, on a thread of its own that may wait.

use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;
use pika_core::commands::Flags;
use pika_core::commands::spec::Run;
use pika_core::config::options;
use pika_core::keyspace::transaction::Stop;
use pika_core::server::AdminContext;
use pika_core::slowlog::SlowLog;

use crate::message::{Administer, Finished};
use crate::service::Service;
use crate::state::{State, lock, now_us};

/// See the module's documentation. One command at a time; what waits is bounded by the connections, each of which
/// waits for its own command.
#[derive(Debug)]
pub struct Admin {
    state: Arc<State>,
}

impl Admin {
    /// The actor for a server.
    pub fn new(state: Arc<State>) -> Admin {
        Admin { state }
    }
}

impl Actor for Admin {
    type Context = Context<Admin>;
}

impl Handler<Administer> for Admin {
    type Result = ();

    fn handle(&mut self, message: Administer, _: &mut Self::Context) {
        let state = self.state.clone();
        match message.work.ops[0].entry.command.run {
            Run::Apart(_) => self.state.apart.run(move || run(&state, message)),
            _ => run(&state, message),
        }
    }
}

/// Runs a command and answers it.
fn run(state: &Arc<State>, message: Administer) {
    let Administer { mut work, session } = message;
    let began = Instant::now();
    let op = work.ops[0];
    let service = Service { state: state.clone() };
    let mut reply = std::mem::take(&mut work.reply);
    if let Run::Admin(run) | Run::Apart(run) = op.entry.command.run {
        let mut context =
            AdminContext { session: &session, server: &service, reply: &mut reply, now_us: now_us() };
        if let Err(Stop::Error(text)) = run(&mut context, work.args(&op)) {
            reply.truncate(0);
            reply.error(&text);
        }
    }
    let took = began.elapsed();
    let failed = reply.as_slice().first() == Some(&b'-');
    {
        let mut statistics = lock(&state.admin_statistics);
        if failed {
            statistics.error(reply.as_slice());
        }
        statistics.ran(op.entry.id, took.as_nanos() as u64, failed, true);
    }
    let threshold = state.config().get(options::SLOWLOG_LOG_SLOWER_THAN);
    if SlowLog::is_slow(threshold, took.as_micros() as u64)
        && !op.entry.command.flags.has(Flags::SKIP_SLOWLOG)
    {
        crate::work::add_slow(state, &work, &op, took);
    }
    work.reply = reply;
    work.next = work.ops.len();
    if !op.replies {
        work.reply.truncate(0);
    }
    if let Some(client) = work.client.clone() {
        client.do_send(Finished(work));
    }
}
