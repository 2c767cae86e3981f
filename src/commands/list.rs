//! List commands: those of Redis 7.4.

mod blocking;
mod elements;
mod ends;
mod moves;
mod position;
#[cfg(test)]
mod tests;

use super::*;
use crate::commands::args::syntax_error;
use crate::keyspace::transaction::{Entry, Stop};
use crate::types::list::{ListEdit, ListpackLimit, Side};

/// Reads LEFT or RIGHT.
fn side(word: &[u8]) -> Result<Side, Stop> {
    if word.eq_ignore_ascii_case(b"LEFT") {
        Ok(Side::Left)
    } else if word.eq_ignore_ascii_case(b"RIGHT") {
        Ok(Side::Right)
    } else {
        Err(syntax_error())
    }
}

/// The list at a key, to be changed.
fn edit<'e>(entry: &'e mut Entry, settings: &Settings) -> Result<ListEdit<'e>, Stop> {
    ListEdit::open(entry, ListpackLimit::of(settings.list_max_listpack_size))
}

/// Tells of elements that were taken from an end, and of the key if it went with the last one.
fn notify_popped(cx: &mut Context<'_, '_>, entry: &Entry, side: Side) {
    let name = if side == Side::Left { "lpop" } else { "rpop" };
    notify_removed(cx, entry, name);
}

/// Tells of elements that were removed, and of the key if it went with the last one.
fn notify_removed(cx: &mut Context<'_, '_>, entry: &Entry, name: &'static str) {
    cx.txn.notify(Events::LIST, name, entry);
    if !entry.exists() {
        cx.txn.notify(Events::GENERIC, "del", entry);
    }
}

/// Tells of elements that were added to an end.
fn notify_pushed(cx: &mut Context<'_, '_>, entry: &Entry, side: Side) {
    let name = if side == Side::Left { "lpush" } else { "rpush" };
    cx.txn.notify(Events::LIST, name, entry);
}

/// The list commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "blmove",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout:double",
        summary: "Moves an element from one end of a list to an end of another, and waits for one if there is none.",
        since: "6.2.0",
        group: Group::List,
        arity: Arity::Exactly(6),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::NOSCRIPT).and(Flags::BLOCKING),
        keys: &[Keys::one(KeyFlags::TAKE), Keys::at(2, KeyFlags::INSERT)],
        run: Run::Keys(blocking::blmove),
        ..Command::BASE
    },
    Command {
        name: "blmpop",
        syntax: "timeout:double numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        summary: "Takes elements from an end of the first list that has any, and waits if none has.",
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of keys and M is the number of elements returned.",
        group: Group::List,
        arity: Arity::AtLeast(5),
        flags: Flags::WRITE.and(Flags::BLOCKING).and(Flags::MOVABLEKEYS),
        keys: &[Keys::counted(2, KeyFlags::TAKE)],
        run: Run::Keys(blocking::blmpop),
        ..Command::BASE
    },
    Command {
        name: "blpop",
        syntax: "key [key ...] timeout:double",
        summary: "Takes the first element of the first list that has any, and waits if none has.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of keys.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::NOSCRIPT).and(Flags::BLOCKING),
        keys: &[Keys::range(1, -2, 1, KeyFlags::TAKE)],
        run: Run::Keys(blocking::blpop),
        ..Command::BASE
    },
    Command {
        name: "brpop",
        syntax: "key [key ...] timeout:double",
        summary: "Takes the last element of the first list that has any, and waits if none has.",
        since: "2.0.0",
        complexity: "O(N) where N is the number of keys.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::NOSCRIPT).and(Flags::BLOCKING),
        keys: &[Keys::range(1, -2, 1, KeyFlags::TAKE)],
        run: Run::Keys(blocking::brpop),
        ..Command::BASE
    },
    Command {
        name: "brpoplpush",
        syntax: "source destination timeout:double",
        summary: "Moves the last element of a list to the head of another, and waits for one if there is none.",
        since: "2.2.0",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::NOSCRIPT).and(Flags::BLOCKING),
        keys: &[Keys::one(KeyFlags::TAKE), Keys::at(2, KeyFlags::INSERT)],
        run: Run::Keys(blocking::brpoplpush),
        deprecated: Some(("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")),
        ..Command::BASE
    },
    Command {
        name: "lindex",
        syntax: "key index",
        summary: "Returns the element at an index; -1 is the last one.",
        group: Group::List,
        arity: Arity::Exactly(3),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(elements::lindex),
        ..Command::BASE
    },
    Command {
        name: "linsert",
        syntax: "key <BEFORE | AFTER> pivot element",
        summary: "Inserts an element before or after the first one that equals the pivot.",
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements up to the pivot, and from the new element to the nearer end.",
        group: Group::List,
        arity: Arity::Exactly(5),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(elements::linsert),
        ..Command::BASE
    },
    Command {
        name: "llen",
        syntax: "key",
        summary: "Returns the number of elements of a list.",
        group: Group::List,
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSPECT)],
        run: Run::Keys(elements::llen),
        ..Command::BASE
    },
    Command {
        name: "lmove",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        summary: "Moves an element from one end of a list to an end of another, and returns it.",
        since: "6.2.0",
        group: Group::List,
        arity: Arity::Exactly(5),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::TAKE), Keys::at(2, KeyFlags::INSERT)],
        run: Run::Keys(moves::lmove),
        ..Command::BASE
    },
    Command {
        name: "lmpop",
        syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        summary: "Takes elements from an end of the first list that has any.",
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of keys and M is the number of elements returned.",
        group: Group::List,
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::MOVABLEKEYS),
        keys: &[Keys::counted(1, KeyFlags::TAKE)],
        run: Run::Keys(ends::lmpop),
        ..Command::BASE
    },
    Command {
        name: "lpop",
        syntax: "key [count]",
        summary: "Takes the first elements of a list and returns them.",
        complexity: "O(N) where N is the number of elements returned.",
        group: Group::List,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::TAKE)],
        run: Run::Keys(ends::lpop),
        ..Command::BASE
    },
    Command {
        name: "lpos",
        syntax: "key element [RANK rank] [COUNT num-matches:integer] [MAXLEN len]",
        summary: "Returns the indices of elements that equal a value.",
        since: "6.0.6",
        complexity: "O(N) where N is the number of elements compared.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(position::lpos),
        ..Command::BASE
    },
    Command {
        name: "lpush",
        syntax: "key element [element ...]",
        summary: "Adds elements to the head of a list, one by one.",
        complexity: "O(N) where N is the number of elements given.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(ends::lpush),
        ..Command::BASE
    },
    Command {
        name: "lpushx",
        syntax: "key element [element ...]",
        summary: "Adds elements to the head of a list, if it exists.",
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements given.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(ends::lpushx),
        ..Command::BASE
    },
    Command {
        name: "lrange",
        syntax: "key start stop",
        summary: "Returns the elements between two indices, both included.",
        complexity: "O(N) where N is the number of elements returned.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: Flags::READONLY,
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(elements::lrange),
        ..Command::BASE
    },
    Command {
        name: "lrem",
        syntax: "key count element",
        summary: "Removes elements that equal a value: all, the first or, if the count is negative, the last ones.",
        complexity: "O(N) where N is the number of elements of the list.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE,
        keys: &[Keys::one(KeyFlags::DELETE)],
        run: Run::Keys(elements::lrem),
        ..Command::BASE
    },
    Command {
        name: "lset",
        syntax: "key index element",
        summary: "Replaces the element at an index.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(elements::lset),
        ..Command::BASE
    },
    Command {
        name: "ltrim",
        syntax: "key start stop",
        summary: "Keeps the elements between two indices, both included, and removes all others.",
        complexity: "O(N) where N is the number of chunks of 64 elements that are removed or, if these are fewer, kept.",
        group: Group::List,
        arity: Arity::Exactly(4),
        flags: Flags::WRITE,
        keys: &[Keys::one(KeyFlags::DELETE)],
        run: Run::Keys(elements::ltrim),
        ..Command::BASE
    },
    Command {
        name: "rpop",
        syntax: "key [count]",
        summary: "Takes the last elements of a list and returns them.",
        complexity: "O(N) where N is the number of elements returned.",
        group: Group::List,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::TAKE)],
        run: Run::Keys(ends::rpop),
        ..Command::BASE
    },
    Command {
        name: "rpoplpush",
        syntax: "source destination",
        summary: "Moves the last element of a list to the head of another, and returns it.",
        since: "1.2.0",
        group: Group::List,
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::TAKE), Keys::at(2, KeyFlags::INSERT)],
        run: Run::Keys(moves::rpoplpush),
        deprecated: Some(("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")),
        ..Command::BASE
    },
    Command {
        name: "rpush",
        syntax: "key element [element ...]",
        summary: "Adds elements to the tail of a list, one by one.",
        complexity: "O(N) where N is the number of elements given.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(ends::rpush),
        ..Command::BASE
    },
    Command {
        name: "rpushx",
        syntax: "key element [element ...]",
        summary: "Adds elements to the tail of a list, if it exists.",
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements given.",
        group: Group::List,
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(KeyFlags::INSERT)],
        run: Run::Keys(ends::rpushx),
        ..Command::BASE
    },
];
