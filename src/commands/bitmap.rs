//! Bits of strings.

use super::*;

mod bit;
mod count;
mod field;
mod operation;
#[cfg(test)]
mod tests;

/// The bitmap commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "bitcount",
        syntax: "key [start end [BYTE | BIT]]",
        summary: "Counts the bits of a string, or of a part of it, that are 1.",
        since: "2.6.0",
        complexity: "O(N) with N bytes that are not all zero.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(count::bitcount),
        ..Command::BASE
    },
    Command {
        name: "bitfield",
        syntax: "key [<GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | \
                 INCRBY encoding offset increment>> ...]",
        summary: "Reads, sets and increments integers of any width at any place of a string.",
        since: "3.2.0",
        complexity: "O(1) for each subcommand.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags(&["RW", "access", "update", "variable_flags"]))
            .because("Only reads if all it is asked for is GET.")],
        run: Run::Keys(field::bitfield),
        ..Command::BASE
    },
    Command {
        name: "bitfield_ro",
        syntax: "key [GET encoding offset [GET encoding offset ...]]",
        summary: "Reads integers of any width at any place of a string.",
        since: "6.0.0",
        complexity: "O(1) for each subcommand.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(field::bitfield_ro),
        ..Command::BASE
    },
    Command {
        name: "bitop",
        syntax: "<AND | OR | XOR | NOT> destkey:key key [key ...]",
        summary: "Combines strings bit by bit and stores what comes out; shorter ones are filled up with zero bits.",
        since: "2.6.0",
        complexity: "O(N) with N bytes in the longest string.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::at(2, KeyFlags::OVERWRITE), Keys::range(3, -1, 1, KeyFlags::READ)],
        run: Run::Keys(operation::bitop),
        ..Command::BASE
    },
    Command {
        name: "bitpos",
        syntax: "key bit [start [end [BYTE | BIT]]]",
        summary: "Finds the first bit of a string, or of a part of it, that is 1, or 0.",
        since: "2.8.7",
        complexity: "O(N) with N bytes looked at.",
        group: Group::Bitmap,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(count::bitpos),
        ..Command::BASE
    },
    Command {
        name: "getbit",
        syntax: "key offset",
        summary: "Returns the bit at a position of a string; 0 behind its end.",
        since: "2.2.0",
        group: Group::Bitmap,
        arity: Arity::Exactly(3),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(bit::getbit),
        ..Command::BASE
    },
    Command {
        name: "setbit",
        syntax: "key offset value:integer",
        summary: "Sets the bit at a position of a string and returns what it was; a string that is too short is \
                  filled up with zero bytes.",
        since: "2.2.0",
        group: Group::Bitmap,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(bit::setbit),
        ..Command::BASE
    },
];
