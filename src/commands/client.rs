//! CLIENT: what a client can see and change of its own connection, and of others.

mod kill;
mod tracking;

use super::args::{not_an_integer, syntax_error, wrong_subcommand};
use super::help::HELP;
use super::*;
use crate::number::parse_i64;
use crate::resp::Protocol;
use crate::server::{ClientFacts, Pause, SessionContext, Unblock};
use crate::session::{ClientType, Replies};

const ANYTIME: Flags = Flags::NOSCRIPT.and(Flags::LOADING).and(Flags::STALE);
const ADMIN: Flags = ANYTIME.and(Flags::ADMIN);

const BASE: Command =
    Command { group: Group::Connection, flags: ANYTIME, arity: Arity::Exactly(2), ..Command::BASE };

/// CLIENT LIST shows what waits for a client as Redis would keep it: so many bytes in a buffer (`obl`), the rest in a
/// list of blocks of as many (`oll`, `omem`).
const REPLY_BLOCK: usize = 16 * 1024;

/// Shortens the rows below.
const fn row(name: &'static str, syntax: &'static str, summary: &'static str, run: SessionFn) -> Command {
    Command { name, syntax, summary, run: Run::Session(run), ..BASE }
}

type SessionFn = fn(&mut SessionContext<'_>, Args<'_>) -> RunResult;

const KILL_SYNTAX: &str = "<ip:port | <ID client-id | TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB> | \
     USER username | ADDR ip:port | LADDR ip:port | SKIPME <YES | NO> | MAXAGE maxage> [<ID client-id | \
     TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB> | USER username | ADDR ip:port | LADDR ip:port | \
     SKIPME <YES | NO> | MAXAGE maxage> ...]>";

/// The row of CLIENT.
pub(super) const CLIENT: Command = Command {
    name: "client",
    summary: "Sees and changes connections.",
    since: "2.4.0",
    complexity: "Depends on subcommand.",
    arity: Arity::AtLeast(2),
    flags: Flags::NONE,
    run: Run::Container,
    subcommands: &[
        Command {
            since: "6.0.0",
            arity: Arity::Exactly(3),
            ..row(
                "caching",
                "<YES | NO>",
                "Says whether the next command's keys are tracked.",
                tracking::caching,
            )
        },
        Command { since: "2.6.9", ..row("getname", "", "Returns the name of the connection.", getname) },
        Command {
            since: "6.0.0",
            ..row(
                "getredir",
                "",
                "Returns which client gets the messages about tracked keys.",
                tracking::getredir,
            )
        },
        Command { group: Group::Connection, ..HELP },
        Command { since: "5.0.0", ..row("id", "", "Returns the number of the connection.", id) },
        Command {
            since: "6.2.0",
            tips: &["nondeterministic_output"],
            ..row("info", "", "Describes the connection.", info)
        },
        Command {
            since: "2.4.0",
            complexity: "O(N) where N is the number of connections.",
            flags: ADMIN,
            arity: Arity::AtLeast(3),
            ..row("kill", KILL_SYNTAX, "Closes connections.", kill::kill)
        },
        Command {
            since: "2.4.0",
            complexity: "O(N) where N is the number of connections.",
            flags: ADMIN,
            arity: Arity::AtLeast(2),
            tips: &["nondeterministic_output"],
            ..row(
                "list",
                "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
                "Describes all connections.",
                list,
            )
        },
        Command {
            since: "7.0.0",
            arity: Arity::Exactly(3),
            flags: ADMIN,
            ..row(
                "no-evict",
                "<ON | OFF>",
                "Keeps the connection when clients take too much memory.",
                no_evict,
            )
        },
        Command {
            since: "7.2.0",
            arity: Arity::Exactly(3),
            ..row(
                "no-touch",
                "<ON | OFF>",
                "Lets commands leave no trace in the time of last use of keys.",
                no_touch,
            )
        },
        Command {
            since: "3.0.0",
            arity: Arity::AtLeast(3),
            flags: ADMIN,
            ..row("pause", "timeout [<WRITE | ALL>]", "Lets commands wait for some time.", pause)
        },
        Command {
            since: "3.2.0",
            arity: Arity::Exactly(3),
            ..row("reply", "<ON | OFF | SKIP>", "Says whether commands are answered.", reply)
        },
        Command {
            since: "7.2.0",
            arity: Arity::Exactly(4),
            ..row(
                "setinfo",
                "<LIB-NAME libname | LIB-VER libver>",
                "Names the library that the client uses.",
                setinfo,
            )
        },
        Command {
            since: "2.6.9",
            arity: Arity::Exactly(3),
            ..row("setname", "connection-name", "Names the connection.", setname)
        },
        Command {
            since: "6.0.0",
            arity: Arity::AtLeast(3),
            ..row(
                "tracking",
                "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] \
                 [NOLOOP]",
                "Says whether changes of keys that the client read are told to it.",
                tracking::tracking,
            )
        },
        Command {
            since: "6.2.0",
            ..row("trackinginfo", "", "Describes the tracking of keys.", tracking::trackinginfo)
        },
        Command {
            since: "5.0.0",
            complexity: "O(log N) where N is the number of connections.",
            arity: Arity::AtLeast(3),
            flags: ADMIN,
            ..row(
                "unblock",
                "client-id [<TIMEOUT | ERROR>]",
                "Ends another connection's wait for a key.",
                unblock,
            )
        },
        Command {
            since: "6.2.0",
            complexity: "O(N) where N is the number of paused connections.",
            flags: ADMIN,
            ..row("unpause", "", "Ends a pause.", unpause)
        },
    ],
    ..BASE
};

/// A word of two, as true for the first and false for the second.
fn either(word: &[u8], first: &str, second: &str) -> Result<bool, Stop> {
    match () {
        () if word.eq_ignore_ascii_case(first.as_bytes()) => Ok(true),
        () if word.eq_ignore_ascii_case(second.as_bytes()) => Ok(false),
        () => Err(syntax_error()),
    }
}

fn getname(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    match cx.session.name.as_slice() {
        b"" => cx.reply.null(),
        name => cx.reply.bulk(name),
    }
    Ok(())
}

fn id(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.integer(cx.session.id as i64);
    Ok(())
}

/// All clients by id, with the asking one as it is now.
fn all_clients(cx: &SessionContext<'_>) -> Vec<ClientFacts> {
    let mut clients = cx.server.clients();
    match clients.iter_mut().find(|facts| facts.session.id == cx.session.id) {
        Some(facts) => facts.session = cx.session.clone(),
        None => clients.push(ClientFacts::new(cx.session.clone())),
    }
    clients.sort_unstable_by_key(|facts| facts.session.id);
    clients
}

fn info(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    let mut text = Vec::new();
    let clients = all_clients(cx);
    for facts in clients.iter().filter(|facts| facts.session.id == cx.session.id) {
        write_line(&mut text, facts, cx.now_ms());
    }
    cx.reply.verbatim("txt", &text);
    Ok(())
}

fn list(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let mut cursor = args.cursor(2);
    let mut kind = None;
    let mut ids = None;
    if cursor.left() == 2 && cursor.eat("type") {
        kind = Some(parse_type(cursor.word()?)?);
    } else if cursor.left() > 1 && cursor.eat("id") {
        let id = |word| parse_i64(word).ok_or_else(|| Stop::error("ERR Invalid client ID"));
        ids = Some(cursor.by_ref().map(id).collect::<Result<Vec<_>, _>>()?);
    }
    cursor.end()?;
    let mut text = Vec::new();
    for facts in all_clients(cx) {
        let session = &facts.session;
        let asked = |ids: &Vec<i64>| ids.iter().any(|id| u64::try_from(*id) == Ok(session.id));
        if kind.is_none_or(|kind| session.kind() == kind) && ids.as_ref().is_none_or(asked) {
            write_line(&mut text, &facts, cx.now_ms());
        }
    }
    cx.reply.verbatim("txt", &text);
    Ok(())
}

fn parse_type(word: &[u8]) -> Result<ClientType, Stop> {
    ClientType::parse(word).ok_or_else(|| Stop::quoting(&[b"ERR Unknown client type '", word, b"'"]))
}

/// A line of CLIENT LIST.
pub(super) fn write_line(text: &mut Vec<u8>, facts: &ClientFacts, now_ms: u64) {
    let session = &facts.session;
    let mut push = |part: String| text.extend_from_slice(part.as_bytes());
    push(format!(
        "id={} addr={} laddr={} fd={} name=",
        session.id, session.address, session.local_address, facts.fd
    ));
    text.extend_from_slice(&session.name);
    let mut push = |part: String| text.extend_from_slice(part.as_bytes());
    let seconds_since = |then: u64| now_ms.saturating_sub(then) / 1000;
    let parts = facts.query_buffer + facts.query_buffer_free + facts.output_capacity + facts.arguments;
    let memory = if facts.memory > 0 { facts.memory } else { parts };
    push(format!(
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} qbuf={} qbuf-free={} argv-mem={} multi-mem=0",
        seconds_since(session.connected_ms),
        seconds_since(session.active_ms),
        flags(facts),
        session.database,
        session.subscriptions.channels,
        session.subscriptions.patterns,
        session.subscriptions.shards,
        facts.queued.map_or(-1, |queued| queued as i64),
        facts.query_buffer,
        facts.query_buffer_free,
        facts.arguments,
    ));
    let listed = facts.output_buffer.saturating_sub(REPLY_BLOCK);
    push(format!(
        " rbs={0} rbp={0} obl={1} oll={2} omem={3} tot-mem={4} events=r cmd={5} user=",
        facts.output_capacity,
        facts.output_buffer - listed,
        listed.div_ceil(REPLY_BLOCK),
        listed,
        memory,
        session.last_command.unwrap_or("NULL"),
    ));
    text.extend_from_slice(&session.user.name);
    let mut push = |part: String| text.extend_from_slice(part.as_bytes());
    push(format!(
        " redir={} resp={} lib-name=",
        tracking::redirection(session.tracking.as_ref()),
        if session.protocol == Protocol::Resp3 { 3 } else { 2 },
    ));
    text.extend_from_slice(&session.library_name);
    text.extend_from_slice(b" lib-ver=");
    text.extend_from_slice(&session.library_version);
    text.push(b'\n');
}

fn flags(facts: &ClientFacts) -> String {
    let session = &facts.session;
    let unix = session.address.starts_with('/');
    let letters = [
        (session.is_replica, 'S'),
        (session.monitors, 'O'),
        (!session.subscriptions.is_empty(), 'P'),
        (facts.queued.is_some(), 'x'),
        (facts.blocked, 'b'),
        (session.tracking.is_some(), 't'),
        (facts.broken_redirection, 'R'),
        (session.tracking.as_ref().is_some_and(|tracking| tracking.options.broadcast), 'B'),
        (facts.dirty, 'd'),
        (session.closing, 'c'),
        (unix, 'U'),
        (session.no_evict, 'e'),
        (session.no_touch, 'T'),
    ];
    let set: String = letters.iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect();
    if set.is_empty() { "N".into() } else { set }
}

fn no_evict(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    cx.session.no_evict = either(args.word(2), "on", "off")?;
    cx.reply.ok();
    Ok(())
}

fn no_touch(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    cx.session.no_touch = either(args.word(2), "on", "off")?;
    cx.reply.ok();
    Ok(())
}

fn pause(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let mut cursor = args.cursor(3);
    let writes_only = match cursor.next() {
        None => false,
        Some(mode) => either(mode, "write", "all")
            .map_err(|_| Stop::error("ERR CLIENT PAUSE mode must be WRITE or ALL"))?,
    };
    cursor.end()?;
    let timeout = parse_i64(args.word(2))
        .ok_or_else(|| Stop::error("ERR timeout is not an integer or out of range"))?;
    let timeout = u64::try_from(timeout).map_err(|_| Stop::error("ERR timeout is negative"))?;
    let now_ms = cx.now_ms();
    let mut next = Pause { until_ms: now_ms.saturating_add(timeout), writes_only };
    // A pause that runs is made longer and stricter, never shorter or milder.
    if let Some(current) = cx.server.pause().filter(|current| current.until_ms > now_ms) {
        next.until_ms = next.until_ms.max(current.until_ms);
        next.writes_only &= current.writes_only;
    }
    cx.server.set_pause(Some(next));
    cx.reply.ok();
    Ok(())
}

fn unpause(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.server.set_pause(None);
    cx.reply.ok();
    Ok(())
}

fn reply(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let mode = args.word(2);
    if mode.eq_ignore_ascii_case(b"on") {
        cx.session.replies = Replies::On;
        cx.reply.ok();
    } else if mode.eq_ignore_ascii_case(b"off") {
        cx.session.replies = Replies::Off;
    } else if mode.eq_ignore_ascii_case(b"skip") {
        if cx.session.replies != Replies::Off {
            cx.session.replies = Replies::SkipNext;
        }
    } else {
        return Err(syntax_error());
    }
    Ok(())
}

/// Refuses what would break the lines of CLIENT LIST.
pub(super) fn check_name(name: &[u8], what: &str) -> RunResult {
    if name.iter().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Stop::error(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}

fn setname(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    check_name(args.word(2), "Client names")?;
    cx.session.name = args.word(2).to_vec();
    cx.reply.ok();
    Ok(())
}

fn setinfo(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let (option, value) = (args.word(2), args.word(3));
    let is_name = either(option, "lib-name", "lib-ver")
        .map_err(|_| Stop::quoting(&[b"ERR Unrecognized option '", option, b"'"]))?;
    check_name(value, &String::from_utf8_lossy(option))?;
    if is_name {
        cx.session.library_name = value.to_vec();
    } else {
        cx.session.library_version = value.to_vec();
    }
    cx.reply.ok();
    Ok(())
}

fn unblock(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() > 4 {
        return Err(wrong_subcommand(args));
    }
    let how = match args.from(3).next().map(|word| either(word, "timeout", "error")) {
        None | Some(Ok(true)) => Unblock::Timeout,
        Some(Ok(false)) => Unblock::Error,
        Some(Err(_)) => return Err(Stop::error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let id = parse_i64(args.word(2)).ok_or_else(not_an_integer)?;
    let done = u64::try_from(id).is_ok_and(|id| cx.server.unblock(id, how));
    cx.reply.integer(i64::from(done));
    Ok(())
}
