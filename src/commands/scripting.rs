//! Scripts and functions: EVAL and FCALL, and what manages their bodies.
//!
//! What runs is in [`crate::scripting`].

mod function;
mod script;

pub use script::busy_text;

use super::{Arity, Command, Flags, Group, KeyFlags, Keys, Run};
use crate::scripting::Invocation;
use crate::scripting::run::Target;

const BASE: Command = Command {
    group: Group::Scripting,
    since: "2.6.0",
    complexity: "Depends on the script that is executed.",
    arity: Arity::AtLeast(3),
    flags: WRITES,
    keys: &[Keys::counted(2, KeyFlags::UPDATE_READ).because(ANY_USE)],
    ..Command::BASE
};
const WRITES: Flags = Flags::NOSCRIPT
    .and(Flags::STALE)
    .and(Flags::SKIP_MONITOR)
    .and(Flags::NO_MANDATORY_KEYS)
    .and(Flags::MOVABLEKEYS);
const READ_KEYS: &[Keys] = &[Keys::counted(2, KeyFlags::READ).because(ANY_USE)];
/// About the flags of a script's keys.
const ANY_USE: &str =
    "Nobody knows what a script does with its keys before it runs: this is the most that it may do.";

const fn of(target: Target, read_only: bool) -> Run {
    Run::Script(Invocation { target, read_only })
}

/// The commands, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "eval",
        syntax: "script numkeys [key ...] [arg ...]",
        summary: "Runs a Lua script.",
        run: of(Target::Text, false),
        ..BASE
    },
    Command {
        name: "eval_ro",
        syntax: "script numkeys [key ...] [arg ...]",
        summary: "Runs a Lua script that only reads.",
        since: "7.0.0",
        flags: WRITES.and(Flags::READONLY),
        keys: READ_KEYS,
        run: of(Target::Text, true),
        ..BASE
    },
    Command {
        name: "evalsha",
        syntax: "sha1 numkeys [key ...] [arg ...]",
        summary: "Runs a Lua script that the server knows, by its digest.",
        keys: &[Keys::counted(2, KeyFlags::UPDATE_READ)],
        run: of(Target::Digest, false),
        ..BASE
    },
    Command {
        name: "evalsha_ro",
        syntax: "sha1 numkeys [key ...] [arg ...]",
        summary: "Runs a Lua script that the server knows and that only reads, by its digest.",
        since: "7.0.0",
        flags: WRITES.and(Flags::READONLY),
        keys: &[Keys::counted(2, KeyFlags::READ)],
        run: of(Target::Digest, true),
        ..BASE
    },
    Command {
        name: "fcall",
        syntax: "function numkeys [key ...] [arg ...]",
        summary: "Calls a function.",
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        run: of(Target::Function, false),
        ..BASE
    },
    Command {
        name: "fcall_ro",
        syntax: "function numkeys [key ...] [arg ...]",
        summary: "Calls a function that only reads.",
        since: "7.0.0",
        complexity: "Depends on the function that is executed.",
        flags: WRITES.and(Flags::READONLY),
        keys: READ_KEYS,
        run: of(Target::Function, true),
        ..BASE
    },
    function::FUNCTION,
    script::SCRIPT,
];
