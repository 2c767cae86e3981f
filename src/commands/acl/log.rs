//! ACL LOG, and what is written into it.

use std::sync::PoisonError;

use crate::acl::{Context, Denial, Log, Reason};
use crate::commands::args::wrong_subcommand;
use crate::commands::client::write_line;
use crate::commands::{Args, RunResult};
use crate::config::options::ACLLOG_MAX_LEN;
use crate::server::{ClientFacts, Server, SessionContext};
use crate::session::Session;

/// Entries that are shown unless a number is given.
const SHOWN: i64 = 10;

/// Adds an entry. `user` is who was refused, or who the client said to be.
pub fn note(
    server: &dyn Server,
    session: &Session,
    what: (Reason, Context),
    object: &[u8],
    user: &[u8],
    now_ms: u64,
) {
    let mut facts = server.client(session.id).unwrap_or_else(|| ClientFacts::new(session.clone()));
    facts.session = session.clone();
    let mut client = Vec::new();
    write_line(&mut client, &facts, now_ms);
    client.pop_if(|byte| *byte == b'\n');
    let limit = server.config().get(ACLLOG_MAX_LEN);
    lock(server).add(what, object, user, client, now_ms, limit);
}

/// Adds an entry about a command that was refused to a client.
pub fn refuse(server: &dyn Server, session: &Session, denial: &Denial, context: Context, now_ms: u64) {
    note(server, session, (denial.reason(), context), &denial.object, &session.user.name, now_ms);
}

fn lock(server: &dyn Server) -> std::sync::MutexGuard<'_, Log> {
    server.access().log().lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn log(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(wrong_subcommand(args));
    }
    if args.len() == 3 && args.word(2).eq_ignore_ascii_case(b"reset") {
        lock(cx.server).reset();
        cx.reply.ok();
        return Ok(());
    }
    let count = if args.len() == 3 { args.integer(2)? } else { SHOWN };
    let now_ms = cx.now_ms();
    let log = lock(cx.server);
    let entries = log.newest(usize::try_from(count).unwrap_or(0));
    cx.reply.array(entries.len());
    for entry in entries {
        let reply = &mut *cx.reply;
        reply.map(10);
        reply.bulk_text("count");
        reply.integer(entry.count as i64);
        let fields: [(&str, &[u8]); 4] = [
            ("reason", entry.reason.name().as_bytes()),
            ("context", entry.context.name().as_bytes()),
            ("object", &entry.object),
            ("username", &entry.user),
        ];
        for (name, value) in fields {
            reply.bulk_text(name);
            reply.bulk(value);
        }
        reply.bulk_text("age-seconds");
        reply.double(now_ms.saturating_sub(entry.updated_ms) as f64 / 1000.0);
        reply.bulk_text("client-info");
        reply.bulk(&entry.client);
        let numbers = [
            ("entry-id", entry.id),
            ("timestamp-created", entry.created_ms),
            ("timestamp-last-updated", entry.updated_ms),
        ];
        for (name, value) in numbers {
            reply.bulk_text(name);
            reply.integer(value as i64);
        }
    }
    Ok(())
}
