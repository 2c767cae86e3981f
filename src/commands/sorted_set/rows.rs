//! What there is to say about the sorted set commands.

use super::{add, combine, pop, random, range, rank, remove, scan, score};
use crate::commands::*;

const WRITE_FAST: Flags = Flags::WRITE.and(Flags::FAST);
const WRITE_MORE: Flags = Flags::WRITE.and(Flags::DENYOOM);
const MOVABLE: Flags = Flags::MOVABLEKEYS;

const RANGE_COST: &str = "O(log(N)+M) where N is the number of members of the sorted set and M is the number of \
                          those in the answer.";
const REMOVE_COST: &str =
    "O(log(N)+M) where N is the number of members of the sorted set and M is the number of those removed.";
const POP_COST: &str = "O(log(N)*M) where N is the number of members of the sorted set and M is the number of those \
                        taken.";
const COMBINE_COST: &str = "O(N)+O(M*log(M)) where N is the sum of the numbers of members of the inputs and M is the \
                            number of those in the result.";
const INTER_COST: &str = "O(N*K)+O(M*log(M)) where N is the number of members of the smallest input, K is the number \
                          of inputs and M is the number of members in the result.";
const LOG: &str = "O(log(N)) where N is the number of members of the sorted set.";

/// A command that reads one key.
const READ: Command = Command {
    group: Group::SortedSet,
    flags: Flags::READONLY,
    keys: &[Keys::one(KeyFlags::READ)],
    ..Command::BASE
};

/// A command that changes one key.
const CHANGE: Command = Command {
    group: Group::SortedSet,
    flags: Flags::WRITE,
    keys: &[Keys::one(KeyFlags::DELETE)],
    ..Command::BASE
};

/// A command that puts what it makes of several keys under another.
const STORE: Command = Command {
    group: Group::SortedSet,
    since: "2.0.0",
    complexity: COMBINE_COST,
    arity: Arity::AtLeast(4),
    flags: WRITE_MORE.and(MOVABLE),
    keys: &[Keys::one(KeyFlags::OVERWRITE), Keys::counted(2, KeyFlags::READ)],
    ..Command::BASE
};

/// A command that answers with what it makes of several keys.
const COMBINE: Command = Command {
    group: Group::SortedSet,
    since: "6.2.0",
    complexity: COMBINE_COST,
    arity: Arity::AtLeast(3),
    flags: Flags::READONLY.and(MOVABLE),
    keys: &[Keys::counted(1, KeyFlags::READ)],
    ..Command::BASE
};

/// The sorted set commands, in the order of their names.
pub(in crate::commands) const COMMANDS: &[Command] = &[
    Command {
        name: "bzmpop",
        syntax: "timeout:double numkeys key [key ...] <MIN | MAX> [COUNT count]",
        summary: "Takes members from one end of the first sorted set that has any; waits until one has.",
        since: "7.0.0",
        complexity: POP_COST,
        arity: Arity::AtLeast(5),
        flags: Flags::WRITE.and(Flags::BLOCKING).and(MOVABLE),
        keys: &[Keys::counted(2, KeyFlags::TAKE)],
        run: Run::Keys(pop::bzmpop),
        ..CHANGE
    },
    Command {
        name: "bzpopmax",
        syntax: "key [key ...] timeout:double",
        summary: "Takes the last member of the first sorted set that has any; waits until one has.",
        since: "5.0.0",
        complexity: LOG,
        arity: Arity::AtLeast(3),
        flags: WRITE_FAST.and(Flags::BLOCKING),
        keys: &[Keys::range(1, -2, 1, KeyFlags::TAKE)],
        run: Run::Keys(pop::bzpopmax),
        ..CHANGE
    },
    Command {
        name: "bzpopmin",
        syntax: "key [key ...] timeout:double",
        summary: "Takes the first member of the first sorted set that has any; waits until one has.",
        since: "5.0.0",
        complexity: LOG,
        arity: Arity::AtLeast(3),
        flags: WRITE_FAST.and(Flags::BLOCKING),
        keys: &[Keys::range(1, -2, 1, KeyFlags::TAKE)],
        run: Run::Keys(pop::bzpopmin),
        ..CHANGE
    },
    Command {
        name: "zadd",
        syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        summary: "Gives members scores, and creates the sorted set if it is not there.",
        since: "1.2.0",
        complexity: "O(log(N)) for each member given, where N is the number of members of the sorted set.",
        arity: Arity::AtLeast(4),
        flags: WRITE_MORE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(add::zadd),
        ..CHANGE
    },
    Command {
        name: "zcard",
        syntax: "key",
        summary: "Returns how many members a sorted set has.",
        since: "1.2.0",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSPECT)],
        run: Run::Keys(score::zcard),
        ..READ
    },
    Command {
        name: "zcount",
        syntax: "key min:double max:double",
        summary: "Returns how many members have scores in a range.",
        since: "2.0.0",
        complexity: LOG,
        arity: Arity::Exactly(4),
        flags: Flags::READONLY.and(Flags::FAST),
        run: Run::Keys(rank::zcount),
        ..READ
    },
    Command {
        name: "zdiff",
        syntax: "numkeys key [key ...] [WITHSCORES]",
        summary: "Returns the members of the first sorted set that are in none of the others.",
        run: Run::Keys(combine::zdiff),
        ..COMBINE
    },
    Command {
        name: "zdiffstore",
        syntax: "destination numkeys key [key ...]",
        summary: "Stores the members of the first sorted set that are in none of the others.",
        since: "6.2.0",
        run: Run::Keys(combine::zdiffstore),
        ..STORE
    },
    Command {
        name: "zincrby",
        syntax: "key increment member",
        summary: "Adds to the score of a member; a missing one counts as 0.",
        since: "1.2.0",
        complexity: LOG,
        arity: Arity::Exactly(4),
        flags: WRITE_MORE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(add::zincrby),
        ..CHANGE
    },
    Command {
        name: "zinter",
        syntax: "numkeys key [key ...] [WEIGHTS weight:integer [weight:integer ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
        summary: "Returns the members that are in all of several sorted sets.",
        complexity: INTER_COST,
        run: Run::Keys(combine::zinter),
        ..COMBINE
    },
    Command {
        name: "zintercard",
        syntax: "numkeys key [key ...] [LIMIT limit:integer]",
        summary: "Returns how many members are in all of several sorted sets.",
        since: "7.0.0",
        complexity: "O(N*K) where N is the number of members of the smallest input and K is the number of inputs.",
        run: Run::Keys(combine::zintercard),
        ..COMBINE
    },
    Command {
        name: "zinterstore",
        syntax: "destination numkeys key [key ...] [WEIGHTS weight:integer [weight:integer ...]] [AGGREGATE <SUM | MIN | MAX>]",
        summary: "Stores the members that are in all of several sorted sets.",
        complexity: INTER_COST,
        run: Run::Keys(combine::zinterstore),
        ..STORE
    },
    Command {
        name: "zlexcount",
        syntax: "key min max",
        summary: "Returns how many members are in a range of members.",
        since: "2.8.9",
        complexity: LOG,
        arity: Arity::Exactly(4),
        flags: Flags::READONLY.and(Flags::FAST),
        run: Run::Keys(rank::zlexcount),
        ..READ
    },
    Command {
        name: "zmpop",
        syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
        summary: "Takes members from one end of the first sorted set that has any.",
        since: "7.0.0",
        complexity: POP_COST,
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(MOVABLE),
        keys: &[Keys::counted(1, KeyFlags::TAKE)],
        run: Run::Keys(pop::zmpop),
        ..CHANGE
    },
    Command {
        name: "zmscore",
        syntax: "key member [member ...]",
        summary: "Returns the scores of several members.",
        since: "6.2.0",
        complexity: "O(N) where N is the number of members given.",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY.and(Flags::FAST),
        run: Run::Keys(score::zmscore),
        ..READ
    },
    Command {
        name: "zpopmax",
        syntax: "key [count]",
        summary: "Takes the last members of a sorted set, and the key with its last one.",
        since: "5.0.0",
        complexity: POP_COST,
        arity: Arity::AtLeast(2),
        flags: WRITE_FAST,
        keys: &[Keys::one(KeyFlags::TAKE)],
        run: Run::Keys(pop::zpopmax),
        ..CHANGE
    },
    Command {
        name: "zpopmin",
        syntax: "key [count]",
        summary: "Takes the first members of a sorted set, and the key with its last one.",
        since: "5.0.0",
        complexity: POP_COST,
        arity: Arity::AtLeast(2),
        flags: WRITE_FAST,
        keys: &[Keys::one(KeyFlags::TAKE)],
        run: Run::Keys(pop::zpopmin),
        ..CHANGE
    },
    Command {
        name: "zrandmember",
        syntax: "key [count [WITHSCORES]]",
        summary: "Returns members of a sorted set chosen at random.",
        since: "6.2.0",
        complexity: "O(N*log(M)) where N is the number of members returned and M is the number of members of the \
                     sorted set; O(M) if a good part of them is asked for.",
        arity: Arity::AtLeast(2),
        run: Run::Keys(random::zrandmember),
        tips: &["nondeterministic_output"],
        differs: "A reply to a negative count is refused as out of range if it is longer than `proto-max-bulk-len`.",
        ..READ
    },
    Command {
        name: "zrange",
        syntax: "key start:string stop:string [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        summary: "Returns the members in a range of ranks, scores or members.",
        since: "1.2.0",
        complexity: RANGE_COST,
        arity: Arity::AtLeast(4),
        run: Run::Keys(range::zrange),
        ..READ
    },
    Command {
        name: "zrangebylex",
        syntax: "key min max [LIMIT offset count]",
        summary: "Returns the members in a range of members.",
        since: "2.8.9",
        complexity: RANGE_COST,
        arity: Arity::AtLeast(4),
        run: Run::Keys(range::zrangebylex),
        deprecated: Some(("6.2.0", "`ZRANGE` with the `BYLEX` argument")),
        ..READ
    },
    Command {
        name: "zrangebyscore",
        syntax: "key min:double max:double [WITHSCORES] [LIMIT offset count]",
        summary: "Returns the members with scores in a range.",
        since: "1.0.5",
        complexity: RANGE_COST,
        arity: Arity::AtLeast(4),
        run: Run::Keys(range::zrangebyscore),
        deprecated: Some(("6.2.0", "`ZRANGE` with the `BYSCORE` argument")),
        ..READ
    },
    Command {
        name: "zrangestore",
        syntax: "dst:key src:key min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        summary: "Stores the members in a range of ranks, scores or members.",
        since: "6.2.0",
        complexity: RANGE_COST,
        arity: Arity::AtLeast(5),
        flags: WRITE_MORE,
        keys: &[Keys::one(KeyFlags::OVERWRITE), Keys::at(2, KeyFlags::READ)],
        run: Run::Keys(range::zrangestore),
        ..CHANGE
    },
    Command {
        name: "zrank",
        syntax: "key member [WITHSCORE]",
        summary: "Returns how many members are before one.",
        since: "2.0.0",
        complexity: LOG,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY.and(Flags::FAST),
        run: Run::Keys(rank::zrank),
        ..READ
    },
    Command {
        name: "zrem",
        syntax: "key member [member ...]",
        summary: "Removes members of a sorted set, and the key with its last one.",
        since: "1.2.0",
        complexity: "O(M*log(N)) where N is the number of members of the sorted set and M is the number of those \
                     given.",
        arity: Arity::AtLeast(3),
        flags: WRITE_FAST,
        run: Run::Keys(remove::zrem),
        ..CHANGE
    },
    Command {
        name: "zremrangebylex",
        syntax: "key min max",
        summary: "Removes the members in a range of members.",
        since: "2.8.9",
        complexity: REMOVE_COST,
        arity: Arity::Exactly(4),
        run: Run::Keys(remove::zremrangebylex),
        ..CHANGE
    },
    Command {
        name: "zremrangebyrank",
        syntax: "key start stop",
        summary: "Removes the members in a range of ranks.",
        since: "2.0.0",
        complexity: REMOVE_COST,
        arity: Arity::Exactly(4),
        run: Run::Keys(remove::zremrangebyrank),
        ..CHANGE
    },
    Command {
        name: "zremrangebyscore",
        syntax: "key min:double max:double",
        summary: "Removes the members with scores in a range.",
        since: "1.2.0",
        complexity: REMOVE_COST,
        arity: Arity::Exactly(4),
        run: Run::Keys(remove::zremrangebyscore),
        ..CHANGE
    },
    Command {
        name: "zrevrange",
        syntax: "key start stop [WITHSCORES]",
        summary: "Returns the members in a range of ranks that count from the last one, in reverse order.",
        since: "1.2.0",
        complexity: RANGE_COST,
        arity: Arity::AtLeast(4),
        run: Run::Keys(range::zrevrange),
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` argument")),
        ..READ
    },
    Command {
        name: "zrevrangebylex",
        syntax: "key max min [LIMIT offset count]",
        summary: "Returns the members in a range of members, in reverse order.",
        since: "2.8.9",
        complexity: RANGE_COST,
        arity: Arity::AtLeast(4),
        run: Run::Keys(range::zrevrangebylex),
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")),
        ..READ
    },
    Command {
        name: "zrevrangebyscore",
        syntax: "key max:double min:double [WITHSCORES] [LIMIT offset count]",
        summary: "Returns the members with scores in a range, in reverse order.",
        since: "2.2.0",
        complexity: RANGE_COST,
        arity: Arity::AtLeast(4),
        run: Run::Keys(range::zrevrangebyscore),
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")),
        ..READ
    },
    Command {
        name: "zrevrank",
        syntax: "key member [WITHSCORE]",
        summary: "Returns how many members are behind one.",
        since: "2.0.0",
        complexity: LOG,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY.and(Flags::FAST),
        run: Run::Keys(rank::zrevrank),
        ..READ
    },
    Command {
        name: "zscan",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        summary: "Returns the members and scores of a sorted set part by part.",
        since: "2.8.0",
        complexity: "O(1) a call; O(N) for a whole scan, where N is the number of members of the sorted set.",
        arity: Arity::AtLeast(3),
        run: Run::Keys(scan::zscan),
        tips: &["nondeterministic_output"],
        ..READ
    },
    Command {
        name: "zscore",
        syntax: "key member",
        summary: "Returns the score of a member.",
        since: "1.2.0",
        arity: Arity::Exactly(3),
        flags: Flags::READONLY.and(Flags::FAST),
        run: Run::Keys(score::zscore),
        ..READ
    },
    Command {
        name: "zunion",
        syntax: "numkeys key [key ...] [WEIGHTS weight:integer [weight:integer ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
        summary: "Returns the members that are in any of several sorted sets.",
        run: Run::Keys(combine::zunion),
        ..COMBINE
    },
    Command {
        name: "zunionstore",
        syntax: "destination numkeys key [key ...] [WEIGHTS weight:integer [weight:integer ...]] [AGGREGATE <SUM | MIN | MAX>]",
        summary: "Stores the members that are in any of several sorted sets.",
        run: Run::Keys(combine::zunionstore),
        ..STORE
    },
];
