//! Commands on keys of any type.

use super::*;

mod copy;
pub(crate) mod dump;
mod expire;
pub(super) mod keys;
pub mod migrate;
mod object;
mod pika;
mod scan;
mod sort;
#[cfg(test)]
mod tests;
mod walk;

pub use scan::cursor_partition;

/// The keys that SORT's patterns stand for depend on what it sorts.
const PATTERNS: Keys = Keys {
    begin: Begin::Word(1),
    find: Find::Unknown,
    flags: KeyFlags::READ,
    notes: "Of BY and GET: the names are made from the patterns and the elements, which nobody knows before.",
};
const SORT_COMPLEXITY: &str =
    "O(N + M log M) where N is the number of elements and M the number of those returned.";
const SORT_DIFFERS: &str = "ALPHA compares bytes, whatever the locale; elements that compare as equal stand in the order of their bytes.";

/// The generic commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "copy",
        syntax: "source destination [DB destination-db] [REPLACE]",
        summary: "Copies what a key holds, and its expiry, to another key.",
        since: "6.2.0",
        complexity: "O(1) for strings and small hashes, O(N) for a collection of N elements.",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::READ), Keys::at(2, KeyFlags::OVERWRITE)],
        run: Run::Keys(copy::copy),
        ..Command::BASE
    },
    Command {
        name: "del",
        syntax: "key [key ...]",
        summary: "Removes keys.",
        complexity: "O(N) where N is the number of keys, whatever they hold.",
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE,
        categories: &["keyspace"],
        keys: &[Keys::all(KeyFlags::REMOVE)],
        run: Run::Keys(keys::del),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::BASE
    },
    Command {
        name: "dump",
        syntax: "key",
        summary: "Returns what a key holds in Redis's serialized form.",
        since: "2.6.0",
        complexity: "O(N) where N is the size of the value.",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY,
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(dump::dump),
        tips: &["nondeterministic_output"],
        differs: "The form is that of Redis 7.0, which every later version reads; that of 7.4 for a hash whose \
                  fields expire.",
        ..Command::BASE
    },
    Command {
        name: "exists",
        syntax: "key [key ...]",
        summary: "Counts which of the keys exist; one given twice counts twice.",
        complexity: "O(N) where N is the number of keys.",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::all(KeyFlags::INSPECT)],
        run: Run::Keys(keys::exists),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::BASE
    },
    Command {
        name: "expire",
        syntax: "key seconds [<NX | XX | GT | LT>]",
        summary: "Sets after how many seconds a key expires.",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(expire::expire),
        ..Command::BASE
    },
    Command {
        name: "expireat",
        syntax: "key unix-time-seconds [<NX | XX | GT | LT>]",
        summary: "Sets at which second a key expires.",
        since: "1.2.0",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(expire::expireat),
        ..Command::BASE
    },
    Command {
        name: "expiretime",
        syntax: "key",
        summary: "Returns at which second a key expires.",
        since: "7.0.0",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(expire::expiretime),
        ..Command::BASE
    },
    Command {
        name: "keys",
        syntax: "pattern [type]",
        summary: "Returns all keys that match a pattern, of one type if it is given.",
        complexity: "O(N) where N is the number of keys in the database; of one slot if the pattern begins with a hash tag.",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        categories: &["keyspace", "dangerous"],
        run: Run::All(keys::keys),
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        ..Command::BASE
    },
    migrate::MIGRATE,
    Command {
        name: "move",
        syntax: "key db",
        summary: "Moves a key to another database.",
        complexity: "O(1) for strings and small hashes, O(N) for a collection of N elements.",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::UPDATE_READ)],
        run: Run::Keys(copy::move_key),
        ..Command::BASE
    },
    Command {
        name: "object",
        summary: "Tells what the server knows of a key beside its value.",
        since: "2.2.3",
        complexity: "Depends on the subcommand.",
        arity: Arity::AtLeast(2),
        subcommands: object::SUBCOMMANDS,
        ..Command::BASE
    },
    Command {
        name: "persist",
        syntax: "key",
        summary: "Removes the expiry of a key.",
        since: "2.2.0",
        arity: Arity::Exactly(2),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(expire::persist),
        ..Command::BASE
    },
    Command {
        name: "pexpire",
        syntax: "key milliseconds [<NX | XX | GT | LT>]",
        summary: "Sets after how many milliseconds a key expires.",
        since: "2.6.0",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(expire::pexpire),
        ..Command::BASE
    },
    Command {
        name: "pexpireat",
        syntax: "key unix-time-milliseconds [<NX | XX | GT | LT>]",
        summary: "Sets at which millisecond a key expires.",
        since: "2.6.0",
        arity: Arity::AtLeast(3),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(expire::pexpireat),
        ..Command::BASE
    },
    Command {
        name: "pexpiretime",
        syntax: "key",
        summary: "Returns at which millisecond a key expires.",
        since: "7.0.0",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(expire::pexpiretime),
        ..Command::BASE
    },
    Command {
        name: "pkpatternmatchdel",
        syntax: "pattern [count]",
        summary: "Removes up to so many keys (100) that match a pattern, and returns how many it were.",
        complexity: "O(N) where N is the number of keys in the database.",
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::PIKA),
        categories: &["keyspace", "dangerous"],
        run: Run::All(pika::pkpatternmatchdel),
        ..Command::BASE
    },
    Command {
        name: "pkrscanrange",
        syntax: "type key-start key-end [MATCH pattern] [LIMIT limit]",
        summary: "Returns keys of a type between two keys, the greater first, with the key that comes next.",
        complexity: "O(N log L) where N is the number of keys in the database and L the limit.",
        arity: Arity::AtLeast(4),
        flags: Flags::READONLY.and(Flags::PIKA),
        categories: &["keyspace", "dangerous"],
        run: Run::All(pika::pkrscanrange),
        ..Command::BASE
    },
    Command {
        name: "pkscanrange",
        syntax: "type key-start key-end [MATCH pattern] [LIMIT limit]",
        summary: "Returns keys of a type between two keys, in order, with the key that comes next.",
        complexity: "O(N log L) where N is the number of keys in the database and L the limit.",
        arity: Arity::AtLeast(4),
        flags: Flags::READONLY.and(Flags::PIKA),
        categories: &["keyspace", "dangerous"],
        run: Run::All(pika::pkscanrange),
        ..Command::BASE
    },
    Command {
        name: "pttl",
        syntax: "key",
        summary: "Returns in how many milliseconds a key expires.",
        since: "2.6.0",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(expire::pttl),
        tips: &["nondeterministic_output"],
        ..Command::BASE
    },
    Command {
        name: "randomkey",
        summary: "Returns a key by chance.",
        complexity: "O(1) in a big database; all keys are looked at in one of up to 512.",
        flags: Flags::READONLY,
        categories: &["keyspace"],
        run: Run::All(keys::randomkey),
        tips: &["request_policy:all_shards", "nondeterministic_output"],
        ..Command::BASE
    },
    Command {
        name: "rename",
        syntax: "key newkey",
        summary: "Gives a key another name, in place of what has that name.",
        complexity: "O(1) for strings, small hashes, and within a slot; else O(N) for a collection of N elements.",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE,
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::TAKE), Keys::at(2, KeyFlags::OVERWRITE)],
        run: Run::Keys(copy::rename),
        ..Command::BASE
    },
    Command {
        name: "renamenx",
        syntax: "key newkey",
        summary: "Gives a key another name, if no key has it.",
        complexity: "O(1) for strings, small hashes, and within a slot; else O(N) for a collection of N elements.",
        arity: Arity::Exactly(3),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::TAKE), Keys::at(2, KeyFlags::CREATE)],
        run: Run::Keys(copy::renamenx),
        ..Command::BASE
    },
    Command {
        name: "restore",
        syntax: "key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        summary: "Creates a key from what DUMP returned.",
        since: "2.6.0",
        complexity: "O(N) where N is the size of the value.",
        arity: Arity::AtLeast(4),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        categories: &["keyspace", "dangerous"],
        keys: &[Keys::one(KeyFlags::OVERWRITE)],
        run: Run::Keys(dump::restore),
        differs: "A collection with an element twice, or whose lengths contradict each other, is always refused. \
                  FREQ is checked and has no effect.",
        ..Command::BASE
    },
    Command {
        name: "scan",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        summary: "Returns some of the keys, and the cursor for the next ones.",
        since: "2.8.0",
        complexity: "O(COUNT) for a call, O(N) for all N keys.",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY,
        categories: &["keyspace"],
        run: Run::Cursor(1, scan::scan),
        tips: &["nondeterministic_output", "request_policy:special"],
        ..Command::BASE
    },
    Command {
        name: "scanx",
        syntax: "type key-start [MATCH pattern] [COUNT count]",
        summary: "Returns some of the keys of a type, and the key to go on with.",
        complexity: "O(COUNT) for a call if most keys are of the type, O(N) for all N keys.",
        arity: Arity::AtLeast(3),
        flags: Flags::READONLY.and(Flags::PIKA),
        categories: &["keyspace"],
        run: Run::All(scan::scanx),
        tips: &["nondeterministic_output"],
        ..Command::BASE
    },
    Command {
        name: "sort",
        syntax: "key [BY by-pattern:pattern] [LIMIT offset count] [GET get-pattern:pattern [GET get-pattern:pattern ...]] [<ASC | DESC>] \
                 [ALPHA] [STORE destination]",
        summary: "Sorts a list, a set or a sorted set, and returns or stores the result.",
        complexity: SORT_COMPLEXITY,
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::MOVABLEKEYS),
        categories: &["set", "sortedset", "list", "dangerous"],
        keys: &[
            Keys::one(KeyFlags::READ),
            PATTERNS,
            Keys::behind("STORE", -2, KeyFlags::OVERWRITE).because("Of STORE."),
        ],
        run: Run::Keys(sort::sort),
        differs: SORT_DIFFERS,
        ..Command::BASE
    },
    Command {
        name: "sort_ro",
        syntax: "key [BY by-pattern:pattern] [LIMIT offset count] [GET get-pattern:pattern [GET get-pattern:pattern ...]] [<ASC | DESC>] \
                 [ALPHA]",
        summary: "Sorts a list, a set or a sorted set, and returns the result.",
        since: "7.0.0",
        complexity: SORT_COMPLEXITY,
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::MOVABLEKEYS),
        categories: &["set", "sortedset", "list", "dangerous"],
        keys: &[Keys::one(KeyFlags::READ), PATTERNS],
        run: Run::Keys(sort::sort_ro),
        differs: SORT_DIFFERS,
        ..Command::BASE
    },
    Command {
        name: "touch",
        syntax: "key [key ...]",
        summary: "Counts which of the keys exist, and notes that they were used.",
        since: "3.2.1",
        complexity: "O(N) where N is the number of keys.",
        arity: Arity::AtLeast(2),
        flags: Flags::READONLY.and(Flags::FAST).and(Flags::TOUCHES),
        categories: &["keyspace"],
        keys: &[Keys::all(KeyFlags::INSPECT)],
        run: Run::Keys(keys::touch),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::BASE
    },
    Command {
        name: "ttl",
        syntax: "key",
        summary: "Returns in how many seconds a key expires.",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::READ)],
        run: Run::Keys(expire::ttl),
        tips: &["nondeterministic_output"],
        ..Command::BASE
    },
    Command {
        name: "type",
        syntax: "key",
        summary: "Returns the type of what a key holds.",
        arity: Arity::Exactly(2),
        flags: Flags::READONLY.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::one(KeyFlags::INSPECT)],
        run: Run::Keys(keys::kind),
        ..Command::BASE
    },
    Command {
        name: "unlink",
        syntax: "key [key ...]",
        summary: "Removes keys; as quick as DEL, which does not wait for the space either.",
        since: "4.0.0",
        complexity: "O(N) where N is the number of keys, whatever they hold.",
        arity: Arity::AtLeast(2),
        flags: Flags::WRITE.and(Flags::FAST),
        categories: &["keyspace"],
        keys: &[Keys::all(KeyFlags::REMOVE)],
        run: Run::Keys(keys::del),
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Command::BASE
    },
];
