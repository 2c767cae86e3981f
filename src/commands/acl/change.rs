//! ACL SETUSER, DELUSER: and what becomes of the clients of a user who lost rights.

use std::convert::Infallible;

use crate::acl::{self, RuleError, User};
use crate::commands::{Args, RunResult, Stop};
use crate::config::options::ACL_PUBSUB_DEFAULT;
use crate::pubsub::Kind;
use crate::server::SessionContext;

pub(super) fn setuser(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let name = args.word(2);
    if acl::breaks_lines(name) {
        return Err(Stop::error("ERR Usernames can't contain spaces or null characters"));
    }
    let channels = cx.server.config().get(ACL_PUBSUB_DEFAULT).into();
    let change = |users: &mut acl::Users| {
        let before = users.get(name).cloned();
        users.change(name, args.from(3), channels)?;
        Ok((before, users.get(name).cloned()))
    };
    let changed = cx.server.access().change(change).map_err(|(rule, error): (Vec<u8>, _)| match error {
        RuleError::Unmatched => {
            Stop::quoting(&[b"ERR Unmatched parenthesis in acl selector starting at '", &rule, b"'."])
        }
        error => {
            let why = error.to_string();
            Stop::quoting(&[b"ERR Error in ACL SETUSER modifier '", &rule, b"': ", why.as_bytes()])
        }
    })?;
    if let (Some(before), Some(after)) = changed
        && before.loses_channels(&after)
    {
        close_subscribers(cx, &after);
    }
    cx.reply.ok();
    Ok(())
}

/// Closes the clients of a user that are subscribed to what it may not hear any more.
fn close_subscribers(cx: &mut SessionContext<'_>, user: &User) {
    let messages = cx.server.messages();
    let keeps = |client: u64, kind: Kind| {
        messages.subscriptions(client, kind).iter().all(|name| user.keeps(kind, name))
    };
    for facts in cx.server.clients() {
        let session = &facts.session;
        let own = session.id == cx.session.id;
        let is_user = if own { cx.session.user.id } else { session.user.id } == user.id;
        if is_user && ![Kind::Channel, Kind::Pattern, Kind::Shard].iter().all(|kind| keeps(session.id, *kind))
        {
            close(cx, session.id);
        }
    }
}

pub(super) fn deluser(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let mut removed = Vec::new();
    let mut refused = false;
    for name in args.from(2) {
        if name == acl::DEFAULT {
            // Those before it are gone, as in Redis.
            refused = true;
            break;
        }
        let Ok(user) = cx.server.access().change(|users| Ok::<_, Infallible>(users.remove(name)));
        removed.extend(user);
    }
    for user in &removed {
        if cx.session.user.id == user.id {
            // It still gets the answer.
            cx.session.closing = true;
        }
        let is_user = |session: &crate::session::Session| session.user.id == user.id;
        for facts in cx.server.clients() {
            if facts.session.id != cx.session.id && is_user(&facts.session) {
                cx.server.kill_client(facts.session.id);
            }
        }
    }
    if refused {
        return Err(Stop::error("ERR The 'default' user cannot be removed"));
    }
    cx.reply.integer(removed.len() as i64);
    Ok(())
}

fn close(cx: &mut SessionContext<'_>, client: u64) {
    if client == cx.session.id {
        cx.session.closing = true;
    } else {
        cx.server.kill_client(client);
    }
}
