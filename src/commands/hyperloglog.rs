//! HyperLogLog commands.

use std::borrow::Cow;

use super::*;

mod count;
mod debug;
mod selftest;
#[cfg(test)]
mod tests;

use crate::encoding::meta::Meta;
use crate::keyspace::transaction::Entry;
use crate::types::hyperloglog::{self, Corrupt};
use crate::types::string::StringValue;

/// The HyperLogLog commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "pfadd",
        syntax: "key [element [element ...]]",
        summary: "Adds elements to a HyperLogLog; a missing one is created.",
        since: "2.8.9",
        complexity: "O(N) with N elements.",
        group: Group::HyperLogLog,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(count::pfadd),
        ..Command::BASE
    },
    Command {
        name: "pfcount",
        syntax: "key [key ...]",
        summary: "Estimates how many different elements were added to a HyperLogLog, or to several together.",
        since: "2.8.9",
        complexity: "O(1) for one key, O(N) with N keys, both with a large constant.",
        group: Group::HyperLogLog,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::MAY_REPLICATE),
        keys: &[Keys::all(KeyFlags(&["RW", "access"]))
            .because("It may keep the count that it worked out within the value.")],
        run: Run::Keys(count::pfcount),
        ..Command::BASE
    },
    Command {
        name: "pfdebug",
        syntax: "subcommand key",
        summary: "Looks into a HyperLogLog: GETREG, DECODE, ENCODING; TODENSE changes its form.",
        since: "2.8.9",
        complexity: "O(N) with N registers.",
        group: Group::HyperLogLog,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::ADMIN).and(Flags::SYSTEM),
        keys: &[Keys::at(2, KeyFlags(&["RW", "access"]))],
        run: Run::Keys(debug::pfdebug),
        ..Command::BASE
    },
    Command {
        name: "pfmerge",
        syntax: "destkey:key [sourcekey:key ...]",
        summary: "Adds all elements of several HyperLogLogs to one.",
        since: "2.8.9",
        complexity: "O(N) with N HyperLogLogs, with a large constant.",
        group: Group::HyperLogLog,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags(&["RW", "access", "insert"])), Keys::range(2, -1, 1, KeyFlags::READ)],
        run: Run::Keys(count::pfmerge),
        ..Command::BASE
    },
    Command {
        name: "pfselftest",
        summary: "Checks the arithmetic of HyperLogLogs.",
        since: "2.8.9",
        complexity: "O(1): some ten million elements.",
        group: Group::HyperLogLog,
        flags: Flags::ADMIN.and(Flags::SYSTEM),
        run: Run::Admin(selftest::pfselftest),
        ..Command::BASE
    },
];

fn corrupt(_: Corrupt) -> Stop {
    Stop::error("INVALIDOBJ Corrupted HLL object detected")
}

/// The HyperLogLog at a key; `None` if there is no such key.
fn open<'e>(cx: &mut Context<'_, '_>, entry: &'e Entry) -> Result<Option<Cow<'e, [u8]>>, Stop> {
    let Some(value) = StringValue::open(entry)? else { return Ok(None) };
    let value = value.whole(&mut cx.txn)?;
    match hyperloglog::form(&value) {
        Some(_) => Ok(Some(value)),
        None => Err(Stop::error("WRONGTYPE Key is not a valid HyperLogLog string value.")),
    }
}

/// Stores a HyperLogLog; the key's expiry stays.
fn put(cx: &mut Context<'_, '_>, entry: &mut Entry, value: &[u8]) -> RunResult {
    let expire_ms = entry.meta().and_then(|meta| meta.expire_ms);
    cx.txn.put(entry, &Meta { expanded: true, ..Meta::string(value, expire_ms) })
}
