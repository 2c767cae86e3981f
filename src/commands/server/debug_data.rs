//! DEBUG's subcommands about all data: digests of it, and data made up.

use super::super::args::wrong_subcommand;
use super::super::generic::keys::inspect;
use super::super::*;
use super::debug::{ADMIN, check_allowed};
use crate::config::options::PROTO_MAX_BULK_LEN;
use crate::number::parse_i64;
use crate::rdb::Digest;
use crate::server::AdminContext;
use crate::types;

/// The row of DEBUG DIGEST.
pub(super) const DIGEST: Command = Command {
    name: "digest",
    syntax: "",
    summary: "Answers a digest of all data, the same on every server that has the same.",
    complexity: "O(N) where N is the number of all elements of all keys.",
    group: Group::Server,
    arity: Arity::AtLeast(2),
    flags: ADMIN.and(Flags::HIDDEN),
    run: Run::Apart(digest),
    ..Command::BASE
};

/// The row of DEBUG DIGEST-VALUE.
pub(super) const DIGEST_VALUE: Command = Command {
    name: "digest-value",
    syntax: "key [key ...]",
    summary: "Answers digests of values, the same on every server that has the same.",
    complexity: "O(N) where N is the number of elements of the keys.",
    group: Group::Server,
    arity: Arity::AtLeast(2),
    flags: Flags::READONLY.and(Flags::HIDDEN).and(Flags::NOSCRIPT),
    keys: &[Keys::range(2, -1, 1, KeyFlags::INSPECT)],
    run: Run::Keys(digest_value),
    ..Command::BASE
};

/// The row of DEBUG POPULATE.
pub(super) const POPULATE: Command = Command {
    name: "populate",
    syntax: "count [prefix] [size]",
    summary: "Adds keys with strings as values.",
    complexity: "O(N) where N is the number of keys.",
    group: Group::Server,
    arity: Arity::AtLeast(2),
    flags: ADMIN.and(Flags::HIDDEN),
    run: Run::Apart(populate),
    ..Command::BASE
};

fn digest(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    check_allowed(cx)?;
    if args.len() != 2 {
        return Err(wrong_subcommand(args));
    }
    let digest = cx.server.digest().map_err(|error| Stop::error(format!("ERR {error}")))?;
    cx.reply.simple(&digest.to_string());
    Ok(())
}

/// Also of keys whose time has come, as long as they are there; zeros for a key that is not.
fn digest_value(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut digests = Vec::new();
    for index in 2..args.len() {
        let (entry, _) = inspect(cx, args.word(index))?;
        let entry = entry.even_if_due();
        let mut digest = Digest::default();
        if let Some(value) = types::to_rdb(&mut cx.txn, &entry)? {
            let expires = entry.meta().is_some_and(|meta| meta.expire_ms.is_some());
            digest.mix_value(&value, expires);
        }
        digests.push(digest);
    }
    cx.reply.array(digests.len());
    digests.iter().for_each(|digest| cx.reply.simple(&digest.to_string()));
    Ok(())
}

fn populate(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    check_allowed(cx)?;
    if !(3..=5).contains(&args.len()) {
        return Err(wrong_subcommand(args));
    }
    let out_of_range = || Stop::error("ERR value is out of range, must be positive");
    let number = |index: usize| parse_i64(args.word(index)).filter(|number| *number >= 0);
    let count = number(2).ok_or_else(out_of_range)? as u64;
    let prefix: &[u8] = if args.len() > 3 { args.word(3) } else { b"key" };
    let longest = cx.server.config().get(PROTO_MAX_BULK_LEN);
    let size = match args.len() {
        5 => number(4).filter(|size| *size as u64 <= longest).ok_or_else(out_of_range)? as usize,
        _ => 0,
    };
    // Redis, too, takes 0 for no size.
    let size = Some(size).filter(|&size| size > 0);
    cx.server.populate(cx.session, count, prefix, size).map_err(Stop::error)?;
    cx.reply.ok();
    Ok(())
}
