//! MIGRATE, and the steps that it takes in the partitions of its keys.
//!
//! The command itself runs on a thread of its own, which talks to the other server. For each key it has the key's
//! partition run [`LOOK`] and [`COLLECT`], sends what these gave, and when the other server has it, [`REMOVE`]. No
//! partition waits meanwhile: that the key did not change is what a strict [`Watch`](crate::keyspace::watch::Watch)
//! says.

use std::sync::LazyLock;
use std::time::Duration;

use super::dump::limits;
use super::{Args, Context, RunResult};
use crate::commands::args::syntax_error;
use crate::commands::table::{self, Entry};
use crate::commands::{Arity, Begin, Command, Find, Flags, KeyFlags, Keys, Run};
use crate::config::Events;
use crate::keyspace::transaction::Stop;
use crate::number::Decimal;
use crate::server::{AdminContext, Credentials, Migration, Moved};
use crate::{rdb, types};

/// How long the other server may take if the client says zero or less.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(1000);

/// The row of MIGRATE.
pub(super) const MIGRATE: Command = Command {
    name: "migrate",
    syntax: "host port:integer <key | \"\"> destination-db:integer timeout:integer [COPY] [REPLACE] \
             [AUTH password:string | AUTH2 username password] [KEYS key [key ...]]",
    summary: "Moves keys to another server, or copies them there.",
    since: "2.6.0",
    complexity: "O(N) where N is the size of what the keys hold; it is sent to the other server.",
    arity: Arity::AtLeast(6),
    flags: Flags::WRITE.and(Flags::MOVABLEKEYS),
    categories: &["keyspace", "dangerous"],
    keys: &[
        Keys::at(3, KeyFlags::TAKE_IF_ANY),
        Keys {
            begin: Begin::Keyword("KEYS", -2),
            find: Find::Range { last: -1, step: 1, part: 0 },
            flags: KeyFlags::TAKE_IF_ANY,
            notes: "",
        },
    ],
    run: Run::Apart(migrate),
    tips: &["nondeterministic_output"],
    differs: "No other client waits for it: a key that changes before the other server has it is sent again. Each key \
              moves by itself. See [differences](differences-from-redis.md#migrate).",
    ..Command::BASE
};

fn migrate(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let migration = parse(args)?;
    match cx.server.migrate(cx.session, &migration) {
        Ok(Moved::Some) => cx.reply.ok(),
        Ok(Moved::Nothing) => cx.reply.simple("NOKEY"),
        Err(text) => cx.reply.error(text),
    }
    Ok(())
}

/// Reads the words. Options come before the numbers, as in Redis.
fn parse(args: Args<'_>) -> Result<Migration, Stop> {
    let (mut copy, mut replace, mut credentials, mut keys) = (false, false, None, None);
    let mut words = args.cursor(6);
    while words.left() > 0 {
        if words.eat("COPY") {
            copy = true;
        } else if words.eat("REPLACE") {
            replace = true;
        } else if words.eat("AUTH") {
            credentials = Some(Credentials { user: None, password: words.word()?.to_vec() });
        } else if words.eat("AUTH2") {
            if words.left() < 2 {
                return Err(syntax_error());
            }
            credentials =
                Some(Credentials { user: Some(words.word()?.to_vec()), password: words.word()?.to_vec() });
        } else if words.eat("KEYS") {
            if !args.word(3).is_empty() {
                return Err(Stop::error(
                    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                ));
            }
            keys = Some(args.from(args.len() - words.left()).map(<[u8]>::to_vec).collect());
            break;
        } else {
            return Err(syntax_error());
        }
    }
    let timeout = args.integer(5)?;
    let database = args.integer(4)?;
    Ok(Migration {
        host: args.word(1).to_vec(),
        port: port(args.word(2)),
        database,
        timeout: match u64::try_from(timeout) {
            Ok(ms) if ms > 0 => Duration::from_millis(ms),
            _ => DEFAULT_TIMEOUT,
        },
        copy,
        replace,
        credentials,
        keys: keys.unwrap_or_else(|| vec![args.word(3).to_vec()]),
    })
}

/// A port as C's `atoi` reads it; 0 if there is none like it.
fn port(word: &[u8]) -> u16 {
    let word = word.trim_ascii_start();
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&word[..digits]).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

const STEP: Command = Command {
    keys: &[Keys::one(KeyFlags::READ)],
    arity: Arity::AtLeast(2),
    flags: Flags::READONLY.and(Flags::INTERNAL),
    ..Command::BASE
};

/// `key`: begins to watch the key. Replies whether it exists.
pub static LOOK: LazyLock<Entry> =
    LazyLock::new(|| step(&const { Command { name: "migrate-look", run: Run::Keys(look), ..STEP } }));

/// `key [REPLACE]`: replies RESTORE with what the key holds, as a request; null if there is no such key.
pub static COLLECT: LazyLock<Entry> =
    LazyLock::new(|| step(&const { Command { name: "migrate-collect", run: Run::Keys(collect), ..STEP } }));

/// `key`: removes the key, if what is watched did not change. Replies 1, or 0 if it did.
pub static REMOVE: LazyLock<Entry> = LazyLock::new(|| {
    step(
        &const {
            Command {
                name: "migrate-remove",
                keys: &[Keys::one(KeyFlags::REMOVE)],
                flags: Flags::WRITE.and(Flags::INTERNAL),
                run: Run::Keys(remove),
                ..STEP
            }
        },
    )
});

/// A step is no command that a client could name: its entry stands in no table, and goes by MIGRATE's number.
fn step(command: &'static Command) -> Entry {
    let id = table::find_full(b"migrate").map_or(0, |entry| entry.id);
    Entry { id, command, parent: None, full_name: command.name.to_string() }
}

fn look(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    if let Some(watch) = cx.watch {
        cx.txn.watch(&entry, watch);
    }
    cx.reply.integer(i64::from(entry.exists()));
    Ok(())
}

fn collect(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let key = args.word(1);
    let entry = cx.txn.entry(key)?;
    let Some(value) = types::to_rdb(&mut cx.txn, &entry)? else {
        cx.reply.null();
        return Ok(());
    };
    let now_ms = cx.txn.now_ms();
    let expire_ms = entry.meta().and_then(|meta| meta.expire_ms);
    // Zero would be for ever.
    let left_ms = expire_ms.map_or(0, |at_ms| at_ms.saturating_sub(now_ms).max(1));
    cx.reply.array(args.len() + 2);
    cx.reply.bulk(b"RESTORE");
    cx.reply.bulk(key);
    cx.reply.bulk(Decimal::unsigned(left_ms).as_bytes());
    cx.reply.bulk(&rdb::dump::encode(&value, &limits(cx.settings)));
    args.from(2).for_each(|option| cx.reply.bulk(option));
    Ok(())
}

fn remove(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let now_ms = cx.txn.now_ms();
    if cx.watch.is_some_and(|watch| watch.is_void(now_ms)) {
        cx.reply.integer(0);
        return Ok(());
    }
    let key = args.word(1);
    let mut entry = cx.txn.entry(key)?;
    if entry.exists() {
        cx.txn.remove(&mut entry)?;
        cx.txn.notify(Events::GENERIC, "del", &entry);
        cx.txn.effect(&[b"DEL", key]);
    }
    cx.reply.integer(1);
    Ok(())
}
