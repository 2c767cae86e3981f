//! Commands on the client's own connection.

use super::args::{not_an_integer, syntax_error};
use super::client;
use super::*;
use crate::acl::{Context as Where, DEFAULT, Reason, Users};
use crate::config::options::DATABASES;
use crate::info::REDIS_VERSION;
use crate::number::parse_i64;
use crate::resp::Protocol;
use crate::server::SessionContext;

const BASE: Command = Command { group: Group::Connection, ..Command::BASE };
const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE).and(Flags::FAST);
const BEFORE_AUTH: Flags = ANYTIME.and(Flags::NOSCRIPT).and(Flags::NO_AUTH).and(Flags::ALLOW_BUSY);

/// The connection commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "auth",
        syntax: "[username] password",
        summary: "Authenticates the connection.",
        complexity: "O(N) where N is the number of passwords of the user.",
        arity: Arity::AtLeast(2),
        flags: BEFORE_AUTH,
        run: Run::Session(auth),
        ..BASE
    },
    client::CLIENT,
    Command {
        name: "echo",
        syntax: "message",
        summary: "Answers what it is given.",
        arity: Arity::Exactly(2),
        flags: ANYTIME,
        run: Run::Session(echo),
        ..BASE
    },
    Command {
        name: "hello",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        summary: "Chooses the protocol, and may authenticate and name the connection as well.",
        since: "6.0.0",
        arity: Arity::AtLeast(1),
        flags: BEFORE_AUTH,
        run: Run::Session(hello),
        ..BASE
    },
    Command {
        name: "ping",
        syntax: "[message]",
        summary: "Answers, which shows that the server is there.",
        arity: Arity::AtLeast(1),
        flags: Flags::FAST.and(Flags::SUBSCRIBED),
        run: Run::Session(ping),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..BASE
    },
    Command {
        name: "quit",
        summary: "Closes the connection.",
        arity: Arity::AtLeast(1),
        flags: BEFORE_AUTH.and(Flags::UNQUEUED).and(Flags::SUBSCRIBED),
        run: Run::Session(quit),
        deprecated: Some(("7.2.0", "just closing the connection")),
        ..BASE
    },
    Command {
        name: "reset",
        summary: "Takes the connection back to its first state.",
        since: "6.2.0",
        flags: BEFORE_AUTH.and(Flags::UNQUEUED).and(Flags::SUBSCRIBED),
        run: Run::Session(reset),
        ..BASE
    },
    Command {
        name: "select",
        syntax: "index",
        summary: "Changes the database that the connection works on.",
        arity: Arity::Exactly(2),
        flags: ANYTIME.and(Flags::SELECTS),
        run: Run::Session(select),
        ..BASE
    },
];

fn auth(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() > 3 {
        return Err(syntax_error());
    }
    if args.len() == 2 && cx.server.access().users().default_user().nopass {
        return Err(Stop::error(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
             configuration is correct?",
        ));
    }
    let user = if args.len() == 3 { args.word(1) } else { b"default" };
    log_in(cx, args.word(0), user, args.word(args.len() - 1))?;
    cx.reply.ok();
    Ok(())
}

/// The user and the password that AUTH or HELLO will try; `None` if they are wrong before that, or name none.
pub(crate) fn credentials<'a>(users: &Users, args: Args<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if args.word(0).eq_ignore_ascii_case(b"hello") {
        return Greeting::read(args).ok()?.credentials;
    }
    match args.len() {
        2 if !users.default_user().nopass => Some((DEFAULT, args.word(1))),
        3 => Some((args.word(1), args.word(2))),
        _ => None,
    }
}

/// Authenticates. A failure is remembered by ACL LOG, with `command` as the client wrote it.
fn log_in(cx: &mut SessionContext<'_>, command: &[u8], user: &[u8], password: &[u8]) -> RunResult {
    match cx.server.access().users().authenticate(user, password) {
        Some(user) => {
            cx.session.log_in(user);
            Ok(())
        }
        None => {
            let context = if cx.atomic { Where::Multi } else { Where::TopLevel };
            let what = (Reason::Auth, context);
            super::acl::note(cx.server, cx.session, what, command, user, cx.now_ms());
            Err(Stop::error("WRONGPASS invalid username-password pair or user is disabled."))
        }
    }
}

fn echo(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    cx.reply.bulk(args.word(1));
    Ok(())
}

/// What HELLO asks for.
struct Greeting<'a> {
    protocol: Option<Protocol>,
    name: Option<&'a [u8]>,
    /// The user and the password.
    credentials: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Greeting<'a> {
    fn read(args: Args<'a>) -> Result<Greeting<'a>, Stop> {
        let protocol = match (args.len() > 1).then(|| parse_i64(args.word(1))) {
            None => None,
            Some(Some(2)) => Some(Protocol::Resp2),
            Some(Some(3)) => Some(Protocol::Resp3),
            Some(Some(_)) => return Err(Stop::error("NOPROTO unsupported protocol version")),
            Some(None) => {
                return Err(Stop::error("ERR Protocol version is not an integer or out of range"));
            }
        };
        let mut cursor = args.cursor(2);
        let mut greeting = Greeting { protocol, name: None, credentials: None };
        while let Some(option) = cursor.next() {
            if option.eq_ignore_ascii_case(b"auth") && cursor.left() >= 2 {
                greeting.credentials = Some((cursor.word()?, cursor.word()?));
            } else if option.eq_ignore_ascii_case(b"setname") && cursor.left() >= 1 {
                let given = cursor.word()?;
                client::check_name(given, "Client names")?;
                greeting.name = Some(given);
            } else {
                return Err(Stop::quoting(&[b"ERR Syntax error in HELLO option '", option, b"'"]));
            }
        }
        Ok(greeting)
    }
}

fn hello(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let Greeting { protocol, name, credentials } = Greeting::read(args)?;
    if let Some((user, password)) = credentials {
        log_in(cx, args.word(0), user, password)?;
    }
    if !cx.session.authenticated {
        return Err(Stop::error(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
             the same time",
        ));
    }
    if let Some(name) = name {
        cx.session.name = name.to_vec();
    }
    if let Some(protocol) = protocol {
        cx.session.protocol = protocol;
        cx.reply.set_protocol(protocol);
    }
    write_hello(cx);
    Ok(())
}

fn write_hello(cx: &mut SessionContext<'_>) {
    let reply = &mut *cx.reply;
    reply.map(7);
    for (name, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk_text(name);
        reply.bulk_text(value);
    }
    reply.bulk_text("proto");
    reply.integer(if cx.session.protocol == Protocol::Resp3 { 3 } else { 2 });
    reply.bulk_text("id");
    reply.integer(cx.session.id as i64);
    for (name, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk_text(name);
        reply.bulk_text(value);
    }
    reply.bulk_text("modules");
    reply.array(0);
}

fn ping(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    match args.len() {
        1 | 2 if cx.session.only_subscribes() => {
            cx.reply.array(2);
            cx.reply.bulk_text("pong");
            cx.reply.bulk(if args.len() == 2 { args.word(1) } else { b"" });
        }
        1 => cx.reply.simple("PONG"),
        2 => cx.reply.bulk(args.word(1)),
        _ => return Err(Stop::error("ERR wrong number of arguments for 'ping' command")),
    }
    Ok(())
}

fn quit(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.session.closing = true;
    cx.reply.ok();
    Ok(())
}

fn reset(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.server.messages().forget(cx.session.id);
    cx.session.reset(cx.server.access().users().default_user());
    cx.reply.set_protocol(cx.session.protocol);
    cx.reply.simple("RESET");
    Ok(())
}

fn select(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let index = parse_i64(args.word(1)).ok_or_else(not_an_integer)?;
    let index = i32::try_from(index).map_err(|_| {
        Stop::error("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    let databases = cx.server.config().get(DATABASES);
    match usize::try_from(index) {
        Ok(index) if index < databases as usize => cx.session.database = index,
        _ => return Err(Stop::error("ERR DB index is out of range")),
    }
    cx.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests;
