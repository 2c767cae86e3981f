//! Stream commands: those of Redis 7.4.

mod change;
mod claim;
mod effects;
mod group;
mod info;
mod options;
mod pending;
mod read;
mod readgroup;
#[cfg(test)]
mod tests;

use super::help::HELP;
use super::*;

/// What the rows below have in common.
const BASE: Command = Command { since: "5.0.0", group: Group::Stream, ..Command::BASE };

/// A key as the second argument: that of subcommands.
const fn second(flags: KeyFlags) -> Keys {
    Keys::at(2, flags)
}

/// The keys behind STREAMS: the first half of what follows.
const fn behind_streams(from: i32) -> Keys {
    let find = Find::Range { last: -1, step: 1, part: 2 };
    Keys { find, ..Keys::behind("STREAMS", from, KeyFlags::READ) }
}

const ADD: Flags = Flags::WRITE.and(Flags::DENYOOM);

/// The stream commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "xack",
        syntax: "key group id [id ...]",
        summary: "Acknowledges entries that a consumer group delivered; returns how many were pending.",
        complexity: "O(N) where N is the number of ids given.",
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(pending::xack),
        ..BASE
    },
    Command {
        name: "xadd",
        syntax: "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value \
                 [field value ...]",
        summary: "Adds an entry to a stream, and creates the stream if it is not there.",
        complexity: "O(1); when trimming, O(N) where N is the number of entries removed.",
        arity: Arity::AtLeast(5),
        flags: ADD.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE).because("More than an insertion, since it may trim.")],
        run: Run::Keys(change::xadd),
        tips: &["nondeterministic_output"],
        differs: "A node, what `~` trims by, holds at most 16 KiB whatever `stream-node-max-bytes` says.",
        ..BASE
    },
    Command {
        name: "xautoclaim",
        syntax: "key group consumer min-idle-time start:string [COUNT count] [JUSTID]",
        summary: "Gives a consumer the entries that others have had pending for too long.",
        since: "6.2.0",
        complexity: "O(1) if COUNT is small.",
        arity: Arity::AtLeast(6),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::DELETE)],
        run: Run::Keys(claim::xautoclaim),
        tips: &["nondeterministic_output"],
        ..BASE
    },
    Command {
        name: "xclaim",
        syntax: "key group consumer min-idle-time id [id ...] [IDLE ms:integer] [TIME unix-time-milliseconds] \
                 [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        summary: "Gives a consumer entries that another one has pending.",
        complexity: "O(N) where N is the number of ids given.",
        arity: Arity::AtLeast(6),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(claim::xclaim),
        tips: &["nondeterministic_output"],
        ..BASE
    },
    Command {
        name: "xdel",
        syntax: "key id [id ...]",
        summary: "Removes entries of a stream; returns how many were there.",
        complexity: "O(N) where N is the number of ids given.",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::DELETE)],
        run: Run::Keys(change::xdel),
        ..BASE
    },
    Command {
        name: "xgroup",
        summary: "Manages the consumer groups of a stream.",
        complexity: "Depends on the subcommand.",
        arity: Arity::AtLeast(2),
        subcommands: GROUP_SUBCOMMANDS,
        ..BASE
    },
    Command {
        name: "xinfo",
        summary: "Tells about streams, consumer groups and consumers.",
        complexity: "Depends on the subcommand.",
        arity: Arity::AtLeast(2),
        subcommands: INFO_SUBCOMMANDS,
        ..BASE
    },
    Command {
        name: "xlen",
        syntax: "key",
        summary: "Returns how many entries a stream has.",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSPECT)],
        run: Run::Keys(read::xlen),
        ..BASE
    },
    Command {
        name: "xpending",
        syntax: "key group [[IDLE min-idle-time:integer] start:string end:string count [consumer]]",
        summary: "Tells which entries of a consumer group are not acknowledged yet.",
        complexity: "O(N) where N is the number of entries looked at; without an interval, of consumers.",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(pending::xpending),
        tips: &["nondeterministic_output"],
        ..BASE
    },
    Command {
        name: "xrange",
        syntax: "key start:string end:string [COUNT count]",
        summary: "Returns the entries of a stream between two ids, in order.",
        complexity: "O(N) where N is the number of entries returned.",
        arity: Arity::AtLeast(4),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(read::xrange),
        ..BASE
    },
    Command {
        name: "xread",
        syntax: "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
        summary: "Returns the entries of several streams behind the ids given; waits for some if there are none \
                  and BLOCK says so.",
        complexity: "O(N) where N is the number of entries returned.",
        arity: Arity::AtLeast(4),
        flags: Flags::BLOCKING.and(Flags::READONLY).and(Flags::MOVABLEKEYS),
        keys: &[behind_streams(1)],
        run: Run::Keys(read::xread),
        differs: "The id `+` stands for the last entry that is there, removed ones or not.",
        ..BASE
    },
    Command {
        name: "xreadgroup",
        syntax: "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]",
        summary: "Returns entries that a group has not delivered yet, or those that the consumer has pending; \
                  waits for some if there are none and BLOCK says so.",
        complexity: "O(N) where N is the number of entries returned.",
        arity: Arity::AtLeast(7),
        flags: Flags::BLOCKING.and(Flags::WRITE).and(Flags::MOVABLEKEYS),
        keys: &[behind_streams(4)],
        run: Run::Keys(readgroup::xreadgroup),
        differs: "A consumer that waits is created, and seen, when it gets its first entry.",
        ..BASE
    },
    Command {
        name: "xrevrange",
        syntax: "key end:string start:string [COUNT count]",
        summary: "Returns the entries of a stream between two ids, the last one first.",
        complexity: "O(N) where N is the number of entries returned.",
        arity: Arity::AtLeast(4),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(read::xrevrange),
        ..BASE
    },
    Command {
        name: "xsetid",
        syntax: "key last-id [ENTRIESADDED entries-added:integer] [MAXDELETEDID max-deleted-id]",
        summary: "Sets the last id of a stream; for the server itself.",
        arity: Arity::AtLeast(3),
        flags: ADD.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(change::xsetid),
        ..BASE
    },
    Command {
        name: "xtrim",
        syntax: "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]",
        summary: "Removes the first entries of a stream; returns how many.",
        complexity: "O(N) where N is the number of entries removed.",
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE,
        keys: &[Keys::one(KeyFlags::DELETE)],
        run: Run::Keys(change::xtrim),
        tips: &["nondeterministic_output"],
        ..BASE
    },
];

const GROUP_SUBCOMMANDS: &[Command] = &[
    Command {
        name: "create",
        syntax: "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read:integer]",
        summary: "Creates a consumer group that delivers what comes behind an id.",
        arity: Arity::AtLeast(5),
        flags: ADD,
        keys: &[second(KeyFlags::INSERT)],
        run: Run::Keys(group::create),
        ..BASE
    },
    Command {
        name: "createconsumer",
        syntax: "key group consumer",
        summary: "Creates a consumer in a group.",
        since: "6.2.0",
        arity: Arity::Exactly(5),
        flags: ADD,
        keys: &[second(KeyFlags::INSERT)],
        run: Run::Keys(group::createconsumer),
        ..BASE
    },
    Command {
        name: "delconsumer",
        syntax: "key group consumer",
        summary: "Removes a consumer of a group with its pending entries; returns how many those were.",
        complexity: "O(N) where N is the number of its pending entries.",
        arity: Arity::Exactly(5),
        flags: Flags::WRITE,
        keys: &[second(KeyFlags::DELETE)],
        run: Run::Keys(group::delconsumer),
        ..BASE
    },
    Command {
        name: "destroy",
        syntax: "key group",
        summary: "Removes a consumer group.",
        complexity: "O(N) where N is the number of its pending entries.",
        arity: Arity::Exactly(4),
        flags: Flags::WRITE,
        keys: &[second(KeyFlags::DELETE)],
        run: Run::Keys(group::destroy),
        ..BASE
    },
    Command { group: Group::Stream, ..HELP },
    Command {
        name: "setid",
        syntax: "key group <id | $> [ENTRIESREAD entries-read:integer]",
        summary: "Sets behind which id a consumer group delivers.",
        arity: Arity::AtLeast(5),
        flags: Flags::WRITE,
        keys: &[second(KeyFlags::UPDATE)],
        run: Run::Keys(group::setid),
        ..BASE
    },
];

const INFO_SUBCOMMANDS: &[Command] = &[
    Command {
        name: "consumers",
        syntax: "key group",
        summary: "Tells about the consumers of a group.",
        complexity: "O(N) where N is the number of consumers.",
        arity: Arity::Exactly(4),
        flags: Flags::READONLY,
        keys: &[second(KeyFlags::READ)],
        run: Run::Keys(info::consumers),
        tips: &["nondeterministic_output"],
        ..BASE
    },
    Command {
        name: "groups",
        syntax: "key",
        summary: "Tells about the consumer groups of a stream.",
        complexity: "O(N) where N is the number of groups.",
        arity: Arity::Exactly(3),
        flags: Flags::READONLY,
        keys: &[second(KeyFlags::READ)],
        run: Run::Keys(info::groups),
        ..BASE
    },
    Command { group: Group::Stream, ..HELP },
    Command {
        name: "stream",
        syntax: "key [FULL [COUNT count]]",
        summary: "Tells about a stream; with FULL, also its entries, groups, consumers and pending entries.",
        complexity: "O(1); with FULL, O(N) where N is how much is shown.",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: &[second(KeyFlags::READ)],
        run: Run::Keys(info::stream),
        differs: "`radix-tree-keys` counts the nodes that have entries; `radix-tree-nodes` is one more.",
        ..BASE
    },
];
