//! String commands.

use super::*;

mod change;
mod get;
mod lcs;
mod options;
mod set;
#[cfg(test)]
mod tests;

/// The string commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "append",
        syntax: "key value",
        summary: "Adds bytes at the end of the string at a key; a missing one begins empty.",
        since: "2.0.0",
        complexity: "O(N) with N bytes added.",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(change::append),
        ..Command::BASE
    },
    Command {
        name: "decr",
        syntax: "key",
        summary: "Subtracts 1 from the integer at a key; a missing one counts as 0.",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(change::decr),
        ..Command::BASE
    },
    Command {
        name: "decrby",
        syntax: "key decrement",
        summary: "Subtracts a number from the integer at a key; a missing one counts as 0.",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(change::decrby),
        ..Command::BASE
    },
    Command {
        name: "delvx",
        syntax: "key old",
        summary: "Removes a key if it holds the given string. Answers 1, or -1 if it holds another, or 0 if it does not exist.",
        since: "2.0.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::FAST).and(Flags::PIKA),
        keys: &[Keys::one(KeyFlags::TAKE)],
        run: Run::Keys(set::delvx),
        ..Command::BASE
    },
    Command {
        name: "get",
        syntax: "key",
        summary: "Returns the string at a key.",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(get::get),
        ..Command::BASE
    },
    Command {
        name: "getdel",
        syntax: "key",
        summary: "Returns the string at a key and removes the key.",
        since: "6.2.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::TAKE)],
        run: Run::Keys(get::getdel),
        ..Command::BASE
    },
    Command {
        name: "getex",
        syntax: "key [<EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | PERSIST>]",
        summary: "Returns the string at a key; sets or removes the time when the key expires.",
        since: "6.2.0",
        group: Group::String,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ).because("It may change when the key expires.")],
        run: Run::Keys(get::getex),
        ..Command::BASE
    },
    Command {
        name: "getrange",
        syntax: "key start end",
        summary: "Returns the bytes of a string from one position to another.",
        since: "2.4.0",
        complexity: "O(N) with N bytes returned.",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(get::getrange),
        ..Command::BASE
    },
    Command {
        name: "getset",
        syntax: "key value",
        deprecated: Some(("6.2.0", "`SET` with the `!GET` argument")),
        summary: "Stores a string at a key and returns the string that was there.",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(get::getset),
        ..Command::BASE
    },
    Command {
        name: "incr",
        syntax: "key",
        summary: "Adds 1 to the integer at a key; a missing one counts as 0.",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(change::incr),
        ..Command::BASE
    },
    Command {
        name: "incrby",
        syntax: "key increment",
        summary: "Adds a number to the integer at a key; a missing one counts as 0.",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(change::incrby),
        ..Command::BASE
    },
    Command {
        name: "incrbyfloat",
        syntax: "key increment:double",
        summary: "Adds a number to the floating-point number at a key; a missing one counts as 0.",
        since: "2.6.0",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(change::incrbyfloat),
        ..Command::BASE
    },
    Command {
        name: "lcs",
        syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
        summary: "Finds the longest subsequence that two strings have in common.",
        since: "7.0.0",
        complexity: "O(N*M) with N bytes in the one string and M in the other.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: &[Keys::range(1, 2, 1, KeyFlags::READ)],
        run: Run::Keys(lcs::lcs),
        ..Command::BASE
    },
    Command {
        name: "mget",
        syntax: "key [key ...]",
        summary: "Returns the strings at several keys; null for a key that holds none.",
        complexity: "O(N) with N keys.",
        group: Group::String,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::all(KeyFlags::READ)],
        tips: &["request_policy:multi_shard"],
        run: Run::Keys(get::mget),
        ..Command::BASE
    },
    Command {
        name: "mset",
        syntax: "key value [key value ...]",
        summary: "Stores strings at several keys, all at once.",
        since: "1.0.1",
        complexity: "O(N) with N keys.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::range(1, -1, 2, KeyFlags::OVERWRITE)],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        run: Run::Keys(set::mset),
        ..Command::BASE
    },
    Command {
        name: "msetnx",
        syntax: "key value [key value ...]",
        summary: "Stores strings at several keys if none of the keys exists.",
        since: "1.0.1",
        complexity: "O(N) with N keys.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::range(1, -1, 2, KeyFlags::CREATE)],
        tips: &["request_policy:multi_shard", "response_policy:agg_min"],
        run: Run::Keys(set::msetnx),
        ..Command::BASE
    },
    Command {
        name: "pksetexat",
        syntax: "key unix-time-seconds value",
        summary: "Stores a string at a key that expires at the given time; a time in the past removes the key.",
        since: "2.0.0",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::PIKA),
        keys: &[Keys::one(KeyFlags::OVERWRITE)],
        run: Run::Keys(set::pksetexat),
        ..Command::BASE
    },
    Command {
        name: "psetex",
        syntax: "key milliseconds value",
        summary: "Stores a string at a key that expires after so many milliseconds.",
        since: "2.6.0",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::OVERWRITE)],
        run: Run::Keys(set::psetex),
        ..Command::BASE
    },
    Command {
        name: "set",
        syntax: "key value [<NX | XX | VX old>] [GET] [<EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | KEEPTTL>]",
        summary: "Stores a string at a key, whatever the key held before.",
        group: Group::String,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags(&["RW", "access", "update", "variable_flags"]))
            .because("With GET it also reads.")],
        run: Run::Keys(set::set),
        ..Command::BASE
    },
    Command {
        name: "setex",
        syntax: "key seconds value",
        summary: "Stores a string at a key that expires after so many seconds.",
        since: "2.0.0",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::OVERWRITE)],
        run: Run::Keys(set::setex),
        ..Command::BASE
    },
    Command {
        name: "setnx",
        syntax: "key value",
        summary: "Stores a string at a key if the key does not exist.",
        group: Group::String,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::CREATE)],
        run: Run::Keys(set::setnx),
        ..Command::BASE
    },
    Command {
        name: "setrange",
        syntax: "key offset value",
        summary: "Replaces bytes of a string from a position on; a string that is too short is filled up with zero bytes.",
        since: "2.2.0",
        complexity: "O(N) with N bytes written; the first time, with N bytes in the whole string.",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(change::setrange),
        ..Command::BASE
    },
    Command {
        name: "strlen",
        syntax: "key",
        summary: "Returns how many bytes the string at a key has.",
        since: "2.2.0",
        group: Group::String,
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSPECT)],
        run: Run::Keys(get::strlen),
        ..Command::BASE
    },
    Command {
        name: "substr",
        syntax: "key start end",
        deprecated: Some(("2.0.0", "`GETRANGE`")),
        summary: "Returns the bytes of a string from one position to another: GETRANGE's old name.",
        complexity: "O(N) with N bytes returned.",
        group: Group::String,
        arity: Arity::Exactly(4),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(get::getrange),
        ..Command::BASE
    },
];
