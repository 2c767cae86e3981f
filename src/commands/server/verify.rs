//! VERIFY: whether another server has the same data, and what it asks of this one to find that out.

use super::super::args::syntax_error;
use super::super::help::HELP;
use super::super::*;
use crate::replication::verify::bisect::{Answer, Question};
use crate::replication::verify::{Key, MOST_PARTS, Span, Status, Target, encode_sums};
use crate::server::AdminContext;

/// The most keys that one LOOK names.
const MOST_KEYS: usize = 4096;

const BASE: Command = Command {
    group: Group::Server,
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::PIKA).and(Flags::NO_MULTI),
    since: "pika 4.0",
    complexity: "O(1)",
    ..Command::BASE
};

/// What another server asks.
const ASKED: Command = Command {
    flags: BASE.flags.and(Flags::SKIP_SLOWLOG),
    complexity: "O(N) where N is the size of the data in the range.",
    ..BASE
};

/// The row of VERIFY.
pub(super) const VERIFY: Command = Command {
    name: "verify",
    summary: "Compares this server's data with its master's, or another server's.",
    arity: Arity::AtLeast(2),
    run: Run::Container,
    subcommands: &[
        Command {
            name: "close",
            syntax: "moment",
            summary: "Lets go of a moment that was kept; asked by a server that compares.",
            arity: Arity::Exactly(3),
            run: Run::Apart(close),
            ..ASKED
        },
        Command { group: Group::Server, since: "pika 4.0", ..HELP },
        Command {
            name: "look",
            syntax: "moment <database key> [<database key> ...]",
            summary: "Tells the hashes of keys at a moment that was kept; asked by a server that compares.",
            arity: Arity::AtLeast(5),
            run: Run::Apart(look),
            ..ASKED
        },
        Command {
            name: "names",
            syntax: "moment from to",
            summary: "Tells the keys in a range of positions, and their hashes; asked by a server that compares.",
            arity: Arity::Exactly(5),
            run: Run::Apart(names),
            ..ASKED
        },
        Command {
            name: "open",
            syntax: "",
            summary: "Keeps a moment of all data for a server that compares.",
            complexity: "O(N) where N is what the store does not have yet.",
            arity: Arity::Exactly(2),
            run: Run::Apart(open),
            ..ASKED
        },
        Command {
            name: "start",
            syntax: "[<host port> [<AUTH password | AUTH2 username password>]] [REPAIR]",
            summary: "Begins to compare this server's data with its master's, or with another server's.",
            arity: Arity::AtLeast(2),
            run: Run::Apart(start),
            ..BASE
        },
        Command {
            name: "status",
            syntax: "",
            summary: "Tells how far the comparison is, and what it found.",
            arity: Arity::Exactly(2),
            run: Run::Apart(status),
            ..BASE
        },
        Command {
            name: "stop",
            syntax: "",
            summary: "Ends the comparison that is under way: 1 if there was one.",
            arity: Arity::Exactly(2),
            run: Run::Apart(stop),
            ..BASE
        },
        Command {
            name: "sums",
            syntax: "moment from to parts",
            summary: "Tells how many keys there are in the parts of a range of positions, and the sums of their \
                      hashes; asked by a server that compares.",
            arity: Arity::Exactly(6),
            run: Run::Apart(sums),
            ..ASKED
        },
    ],
    ..BASE
};

fn failed(error: String) -> Stop {
    Stop::error(format!("ERR {error}"))
}

fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

fn start(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let (mut target, mut repair) = (None, false);
    let mut words = args.cursor(2);
    if words.left() >= 2 {
        let host = text(words.word()?);
        let port = u16::try_from(words.integer()?).ok().filter(|&port| port > 0);
        let port = port.ok_or_else(|| Stop::error("ERR Invalid port"))?;
        let (mut user, mut password) = (String::new(), String::new());
        if words.eat("AUTH") {
            password = text(words.word()?);
        } else if words.eat("AUTH2") {
            (user, password) = (text(words.word()?), text(words.word()?));
        }
        target = Some(Target { host, port, user, password });
    }
    if words.left() > 0 {
        repair = words.eat("REPAIR");
        if !repair || words.left() > 0 {
            return Err(syntax_error());
        }
    }
    cx.server.verify(target, repair).map_err(failed)?;
    cx.reply.ok();
    Ok(())
}

fn stop(cx: &mut AdminContext<'_>, _: Args<'_>) -> RunResult {
    cx.reply.integer(i64::from(cx.server.stop_verifying()));
    Ok(())
}

fn status(cx: &mut AdminContext<'_>, _: Args<'_>) -> RunResult {
    let now_ms = cx.now_ms();
    let status = cx.server.verify_status();
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let Status { state, with, how, offset, repairs, .. } = &status;
    let reply = &mut *cx.reply;
    reply.map(17);
    for (name, value) in [
        ("state", state.name()),
        ("with", with),
        ("how", how),
        ("percent", &status.percent()),
        ("functions", status.functions()),
        ("error", &status.error),
    ] {
        reply.bulk_text(name);
        reply.bulk_text(value);
    }
    for (name, value) in [
        ("offset", offset.map_or(-1, number)),
        ("repair", i64::from(*repairs)),
        ("began-ms", number(status.began_ms)),
        ("ended-ms", number(status.ended_ms)),
        ("took-ms", number(status.took_ms(now_ms))),
        ("keys", number(status.keys)),
        ("suspects", number(status.suspects)),
        ("changing", number(status.changing)),
        ("different", number(status.different)),
        ("repaired", number(status.repaired)),
    ] {
        reply.bulk_text(name);
        reply.integer(value);
    }
    reply.bulk_text("named");
    reply.array(status.named.len());
    for Key { database, name } in &status.named {
        reply.array(2);
        reply.integer(*database as i64);
        reply.bulk(name);
    }
    Ok(())
}

fn open(cx: &mut AdminContext<'_>, _: Args<'_>) -> RunResult {
    let moment = cx.server.open_moment().map_err(failed)?;
    cx.reply.array(5);
    cx.reply.bulk_text(&moment.name);
    cx.reply.bulk_text(moment.id.as_str());
    cx.reply.bulk_text(&moment.offset.to_string());
    cx.reply.integer(moment.databases as i64);
    cx.reply.bulk(&moment.functions.to_be_bytes());
    Ok(())
}

fn close(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    cx.reply.integer(i64::from(cx.server.close_moment(&text(args.word(2)))));
    Ok(())
}

fn span(args: Args<'_>) -> Result<Span, Stop> {
    let position = |at| args.integer(at).and_then(|number| u64::try_from(number).map_err(|_| syntax_error()));
    Span::new(position(3)?, position(4)?)
        .ok_or_else(|| Stop::error("ERR there is no such range of positions"))
}

fn sums(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let span = span(args)?;
    let parts = u64::try_from(args.integer(5)?).ok().filter(|parts| (1..=MOST_PARTS).contains(parts));
    let parts = parts.ok_or_else(|| Stop::error(format!("ERR parts must be from 1 to {MOST_PARTS}")))?;
    match cx.server.ask_moment(&text(args.word(2)), Question::Sums(span, parts)).map_err(failed)? {
        Answer::Sums(sums) => cx.reply.bulk(&encode_sums(&sums)),
        Answer::Names(_) => return Err(Stop::error("ERR an answer to another question")),
    }
    Ok(())
}

fn names(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let span = span(args)?;
    match cx.server.ask_moment(&text(args.word(2)), Question::Names(span)).map_err(failed)? {
        Answer::Sums(_) => return Err(Stop::error("ERR an answer to another question")),
        Answer::Names(names) => {
            cx.reply.array(names.len() * 3);
            for found in names {
                cx.reply.integer(found.key.database as i64);
                cx.reply.bulk(&found.key.name);
                cx.reply.bulk(&found.hash.to_be_bytes());
            }
        }
    }
    Ok(())
}

/// The keys that a question about a moment names behind it, at most so many: database and name, one after the other.
pub(super) fn keys_of_moment(args: Args<'_>, most: usize) -> Result<Vec<Key>, Stop> {
    let count = (args.len() - 3) / 2;
    if args.len() != 3 + 2 * count {
        return Err(syntax_error());
    }
    if count > most {
        return Err(Stop::error(format!("ERR at most {most} keys at a time")));
    }
    let key = |at: usize| {
        let database = usize::try_from(args.integer(3 + 2 * at)?).map_err(|_| syntax_error())?;
        Ok(Key { database, name: args.word(4 + 2 * at).to_vec() })
    };
    (0..count).map(key).collect()
}

fn look(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let keys = keys_of_moment(args, MOST_KEYS)?;
    let hashes = cx.server.look_at_moment(&text(args.word(2)), keys).map_err(failed)?;
    cx.reply.array(hashes.len());
    for hash in hashes {
        match hash {
            Some(hash) => cx.reply.bulk(&hash.to_be_bytes()),
            None => cx.reply.null(),
        }
    }
    Ok(())
}
