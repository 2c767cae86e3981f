//! Set commands: those of Redis 7.4.

mod algebra;
mod members;
mod random;
#[cfg(test)]
mod tests;

use super::*;

/// The set commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "sadd",
        syntax: "key member [member ...]",
        summary: "Adds members to a set, and creates the set if it is not there.",
        complexity: "O(N) where N is the number of members given.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(members::sadd),
        ..Command::BASE
    },
    Command {
        name: "scard",
        syntax: "key",
        summary: "Returns how many members a set has.",
        group: Group::Set,
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSPECT)],
        run: Run::Keys(members::scard),
        ..Command::BASE
    },
    Command {
        name: "sdiff",
        syntax: "key [key ...]",
        summary: "Returns the members of the first set that no other one has.",
        complexity: "O(N) where N is the number of members of all sets; O(N*M) for N members of the first \
                     set and M others, if that is less.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        keys: &[Keys::all(KeyFlags::READ)],
        run: Run::Keys(algebra::sdiff),
        tips: &["nondeterministic_output_order"],
        ..Command::BASE
    },
    Command {
        name: "sdiffstore",
        syntax: "destination key [key ...]",
        summary: "Stores the members of the first set that no other one has.",
        complexity: "As SDIFF.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::OVERWRITE), Keys::range(2, -1, 1, KeyFlags::READ)],
        run: Run::Keys(algebra::sdiffstore),
        ..Command::BASE
    },
    Command {
        name: "sinter",
        syntax: "key [key ...]",
        summary: "Returns the members that all sets have.",
        complexity: "O(N*M) where N is the number of members of the smallest set and M the number of sets.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        keys: &[Keys::all(KeyFlags::READ)],
        run: Run::Keys(algebra::sinter),
        tips: &["nondeterministic_output_order"],
        ..Command::BASE
    },
    Command {
        name: "sintercard",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        summary: "Returns how many members all sets have in common.",
        since: "7.0.0",
        complexity: "O(N*M) where N is the number of members of the smallest set and M the number of sets.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY.and(Flags::MOVABLEKEYS),
        keys: &[Keys::counted(1, KeyFlags::READ)],
        run: Run::Keys(algebra::sintercard),
        ..Command::BASE
    },
    Command {
        name: "sinterstore",
        syntax: "destination key [key ...]",
        summary: "Stores the members that all sets have.",
        complexity: "As SINTER.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::OVERWRITE), Keys::range(2, -1, 1, KeyFlags::READ)],
        run: Run::Keys(algebra::sinterstore),
        ..Command::BASE
    },
    Command {
        name: "sismember",
        syntax: "key member",
        summary: "Tells whether a set has a member.",
        group: Group::Set,
        arity: Arity::Exactly(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSPECT)],
        run: Run::Keys(members::sismember),
        ..Command::BASE
    },
    Command {
        name: "smembers",
        syntax: "key",
        summary: "Returns all members of a set.",
        complexity: "O(N) where N is the number of members of the set.",
        group: Group::Set,
        arity: Arity::Exactly(2),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(members::smembers),
        tips: &["nondeterministic_output_order"],
        ..Command::BASE
    },
    Command {
        name: "smismember",
        syntax: "key member [member ...]",
        summary: "Tells of several members whether a set has them.",
        since: "6.2.0",
        complexity: "O(N) where N is the number of members given.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(members::smismember),
        ..Command::BASE
    },
    Command {
        name: "smove",
        syntax: "source destination member",
        summary: "Moves a member from one set to another.",
        group: Group::Set,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::TAKE), Keys::at(2, KeyFlags::INSERT)],
        run: Run::Keys(members::smove),
        ..Command::BASE
    },
    Command {
        name: "spop",
        syntax: "key [count]",
        summary: "Removes members chosen at random, and returns them.",
        complexity: "O(N) where N is the number of members returned; O(M) where M is the number of members \
                     of the set, if a good part of them is asked for.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::TAKE)],
        run: Run::Keys(random::spop),
        tips: &["nondeterministic_output"],
        ..Command::BASE
    },
    Command {
        name: "srandmember",
        syntax: "key [count]",
        summary: "Returns members of a set chosen at random.",
        complexity: "O(N) where N is the number of members returned; O(M) where M is the number of members \
                     of the set, if a good part of them is asked for.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(random::srandmember),
        tips: &["nondeterministic_output"],
        differs: "A reply to a negative count is refused as out of range if it is longer than `proto-max-bulk-len`.",
        ..Command::BASE
    },
    Command {
        name: "srem",
        syntax: "key member [member ...]",
        summary: "Removes members of a set, and the set with its last one.",
        complexity: "O(N) where N is the number of members given.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::DELETE)],
        run: Run::Keys(members::srem),
        ..Command::BASE
    },
    Command {
        name: "sscan",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        summary: "Returns the members of a set part by part.",
        since: "2.8.0",
        complexity: "O(1) a call; O(N) for a whole scan, where N is the number of members of the set.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(members::sscan),
        tips: &["nondeterministic_output"],
        ..Command::BASE
    },
    Command {
        name: "sunion",
        syntax: "key [key ...]",
        summary: "Returns the members of all sets together.",
        complexity: "O(N log M) where N is the number of members of all M sets.",
        group: Group::Set,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        keys: &[Keys::all(KeyFlags::READ)],
        run: Run::Keys(algebra::sunion),
        tips: &["nondeterministic_output_order"],
        ..Command::BASE
    },
    Command {
        name: "sunionstore",
        syntax: "destination key [key ...]",
        summary: "Stores the members of all sets together.",
        complexity: "As SUNION.",
        group: Group::Set,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::OVERWRITE), Keys::range(2, -1, 1, KeyFlags::READ)],
        run: Run::Keys(algebra::sunionstore),
        ..Command::BASE
    },
];
