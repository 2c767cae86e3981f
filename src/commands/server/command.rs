//! COMMAND: what the table says, in the shapes that clients expect.

use std::borrow::Cow;

use super::super::args::syntax_error;
use super::super::help::HELP;
use super::super::spec::Keys;
use super::super::syntax::{self, Argument, Kind};
use super::super::table::{self, Entry};
use super::super::*;

use crate::glob::glob_match;
use crate::resp::Reply;
use crate::server::SessionContext;

const READ_ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);

const BASE: Command = Command {
    group: Group::Server,
    flags: READ_ANYTIME,
    categories: &["connection"],
    since: "2.8.13",
    ..Command::BASE
};

/// The row of COMMAND.
pub(super) const COMMAND: Command = Command {
    name: "command",
    summary: "Describes all commands.",
    complexity: "O(N) where N is the number of commands.",
    arity: Arity::AtLeast(1),
    run: Run::Session(all),
    tips: &["nondeterministic_output_order"],
    subcommands: &[
        Command {
            name: "count",
            summary: "Counts the commands, subcommands aside.",
            arity: Arity::Exactly(2),
            run: Run::Session(count),
            ..BASE
        },
        Command {
            name: "docs",
            syntax: "[command-name ...]",
            summary: "Documents commands: summary, arguments and more.",
            since: "7.0.0",
            complexity: "O(N) where N is the number of commands to look up.",
            arity: Arity::AtLeast(2),
            run: Run::Session(docs),
            tips: &["nondeterministic_output_order"],
            ..BASE
        },
        Command {
            name: "getkeys",
            syntax: "command [arg ...]",
            summary: "Tells which words of a command are keys.",
            complexity: "O(N) where N is the number of words.",
            arity: Arity::AtLeast(3),
            run: Run::Session(getkeys),
            ..BASE
        },
        Command {
            name: "getkeysandflags",
            syntax: "command [arg ...]",
            summary: "Tells which words of a command are keys, and what it does to each.",
            since: "7.0.0",
            complexity: "O(N) where N is the number of words.",
            arity: Arity::AtLeast(3),
            run: Run::Session(getkeysandflags),
            ..BASE
        },
        Command { group: Group::Server, categories: &["connection"], ..HELP },
        Command {
            name: "info",
            syntax: "[command-name ...]",
            summary: "Describes commands: arity, flags, keys and more.",
            complexity: "O(N) where N is the number of commands to look up.",
            arity: Arity::AtLeast(2),
            run: Run::Session(info),
            tips: &["nondeterministic_output_order"],
            ..BASE
        },
        Command {
            name: "list",
            syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
            summary: "Lists the names of commands and subcommands.",
            since: "7.0.0",
            complexity: "O(N) where N is the number of commands.",
            arity: Arity::AtLeast(2),
            run: Run::Session(list),
            tips: &["nondeterministic_output_order"],
            ..BASE
        },
    ],
    ..BASE
};

fn top() -> impl Iterator<Item = &'static Entry> + Clone {
    table::entries().iter().filter(|entry| entry.parent.is_none())
}

fn all(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.array(top().count());
    top().for_each(|entry| write_info(cx.reply, entry));
    Ok(())
}

fn count(cx: &mut SessionContext<'_>, _args: Args<'_>) -> RunResult {
    cx.reply.integer(top().count() as i64);
    Ok(())
}

fn info(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    if args.len() == 2 {
        return all(cx, args);
    }
    cx.reply.array(args.len() - 2);
    for name in args.from(2) {
        match table::find_full(name) {
            Some(entry) => write_info(cx.reply, entry),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

fn docs(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let named: Vec<&Entry> =
        if args.len() == 2 { top().collect() } else { args.from(2).filter_map(table::find_full).collect() };
    write_all_docs(cx.reply, named.into_iter());
    Ok(())
}

fn list(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let mut cursor = args.cursor(2);
    let mut wanted: Box<dyn Fn(&Entry) -> bool> = Box::new(|_| true);
    if cursor.left() > 0 {
        if !cursor.eat("filterby") {
            return Err(syntax_error());
        }
        let (by, value) = (cursor.word()?, cursor.word()?);
        cursor.end()?;
        wanted = if by.eq_ignore_ascii_case(b"module") {
            Box::new(|_| false)
        } else if by.eq_ignore_ascii_case(b"aclcat") {
            Box::new(move |entry| {
                entry.command.acl_categories().any(|name| name.as_bytes().eq_ignore_ascii_case(value))
            })
        } else if by.eq_ignore_ascii_case(b"pattern") {
            Box::new(move |entry| glob_match(value, entry.full_name.as_bytes(), true))
        } else {
            return Err(syntax_error());
        };
    }
    let names: Vec<&str> = table::entries()
        .iter()
        .filter(|entry| !entry.is_hidden() && wanted(entry))
        .map(|entry| entry.full_name.as_str())
        .collect();
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk_text(name));
    Ok(())
}

fn getkeys(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let keys = keys_of(args)?;
    cx.reply.array(keys.len());
    keys.iter().for_each(|(key, _)| cx.reply.bulk(key));
    Ok(())
}

fn getkeysandflags(cx: &mut SessionContext<'_>, args: Args<'_>) -> RunResult {
    let keys = keys_of(args)?;
    cx.reply.array(keys.len());
    for (key, flags) in keys {
        cx.reply.array(2);
        cx.reply.bulk(key);
        cx.reply.set(flags.len());
        flags.iter().for_each(|flag| cx.reply.simple(flag));
    }
    Ok(())
}

/// A key, and what happens to it.
type KeyAndFlags<'a> = (&'a [u8], Cow<'static, [&'static str]>);

/// The keys of the command that begins at word 2.
fn keys_of<'a>(args: Args<'a>) -> Result<Vec<KeyAndFlags<'a>>, Stop> {
    let inner = args.skip(2);
    let entry = match table::resolve_as_named(inner) {
        Ok(entry) => entry,
        Err(refusal) => match refusal.id.map(|id| &table::entries()[id]) {
            None => return Err(Stop::error("ERR Invalid command specified")),
            Some(entry) if entry.command.keys.is_empty() => return Err(no_keys()),
            Some(_) => return Err(Stop::error("ERR Invalid number of arguments specified for command")),
        },
    };
    if entry.command.keys.is_empty() {
        return Err(no_keys());
    }
    let mut found = Vec::new();
    for keys in entry.command.keys {
        let flags = entry.command.flags_now(keys.flags, inner);
        found.extend(keys.positions(inner).map(|index| (inner.word(index), flags.clone())));
    }
    Ok(found)
}

fn no_keys() -> Stop {
    Stop::error("ERR The command has no key arguments")
}

fn write_info(reply: &mut Reply, entry: &Entry) {
    let command = entry.command;
    reply.array(10);
    reply.bulk_text(&entry.full_name);
    reply.integer(command.arity.signed());
    write_statuses(reply, "", command.flags.names());
    let (first, last, step) = key_range(command.keys);
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    write_statuses(reply, "@", command.acl_categories());
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk_text(tip));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|keys| write_keys(reply, keys));
    // Redis answers an empty set, but a list that is not empty as an array.
    match entry.subcommands().count() {
        0 => reply.set(0),
        count => reply.array(count),
    }
    entry.subcommands().for_each(|entry| write_info(reply, entry));
}

fn write_statuses(reply: &mut Reply, prefix: &str, names: impl Iterator<Item = &'static str>) {
    let names: Vec<_> = names.collect();
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(&format!("{prefix}{name}")));
}

/// First key, last key and step, as before key specifications: those that follow on the first without a gap.
fn key_range(keys: &[Keys]) -> (i64, i64, i64) {
    let plain = |keys: &Keys| match (keys.begin, keys.find) {
        (Begin::Word(first), Find::Range { last, step, part: 0 }) => {
            let last = if last < 0 { i64::from(last) } else { first as i64 + i64::from(last) };
            Some((first as i64, last, step as i64))
        }
        _ => None,
    };
    let Some((first, mut last, step)) = keys.first().and_then(plain) else { return (0, 0, 0) };
    for next in keys[1..].iter().map_while(plain) {
        if last < 0 || next.0 != last + 1 || next.2 != 1 || step != 1 {
            break;
        }
        last = next.1;
    }
    (first, last, step)
}

fn write_keys(reply: &mut Reply, keys: &Keys) {
    reply.map(if keys.notes.is_empty() { 3 } else { 4 });
    if !keys.notes.is_empty() {
        write_text(reply, "notes", keys.notes);
    }
    reply.bulk_text("flags");
    let incomplete = keys.find == Find::Unknown;
    write_statuses(reply, "", keys.flags.0.iter().copied().chain(incomplete.then_some("incomplete")));
    reply.bulk_text("begin_search");
    reply.map(2);
    match keys.begin {
        _ if incomplete => write_unknown(reply),
        Begin::Word(index) => {
            write_text(reply, "type", "index");
            reply.bulk_text("spec");
            reply.map(1);
            write_number(reply, "index", index as i64);
        }
        Begin::Keyword(keyword, from) => {
            write_text(reply, "type", "keyword");
            reply.bulk_text("spec");
            reply.map(2);
            write_text(reply, "keyword", keyword);
            write_number(reply, "startfrom", i64::from(from));
        }
    }
    reply.bulk_text("find_keys");
    reply.map(2);
    match keys.find {
        Find::Range { last, step, part } => {
            write_text(reply, "type", "range");
            reply.bulk_text("spec");
            reply.map(3);
            write_number(reply, "lastkey", i64::from(last));
            write_number(reply, "keystep", step as i64);
            write_number(reply, "limit", part as i64);
        }
        Find::Counted => {
            write_text(reply, "type", "keynum");
            reply.bulk_text("spec");
            reply.map(3);
            write_number(reply, "keynumidx", 0);
            write_number(reply, "firstkey", 1);
            write_number(reply, "keystep", 1);
        }
        Find::Unknown => write_unknown(reply),
    }
}

fn write_unknown(reply: &mut Reply) {
    write_text(reply, "type", "unknown");
    reply.bulk_text("spec");
    reply.map(0);
}

fn write_text(reply: &mut Reply, name: &str, value: &str) {
    reply.bulk_text(name);
    reply.bulk_text(value);
}

fn write_number(reply: &mut Reply, name: &str, value: i64) {
    reply.bulk_text(name);
    reply.integer(value);
}

fn write_all_docs<'a>(reply: &mut Reply, entries: impl Iterator<Item = &'a Entry>) {
    let mark = reply.deferred();
    let mut count = 0;
    for entry in entries {
        reply.bulk_text(&entry.full_name);
        write_docs(reply, entry);
        count += 1;
    }
    reply.set_map_len(mark, count);
}

fn write_docs(reply: &mut Reply, entry: &Entry) {
    let command = entry.command;
    let mark = reply.deferred();
    let mut fields = 3;
    write_text(reply, "summary", command.summary);
    write_text(reply, "since", command.since);
    write_text(reply, "group", command.group.name());
    if !command.complexity.is_empty() {
        write_text(reply, "complexity", command.complexity);
        fields += 1;
    }
    let flags = [(command.deprecated.is_some(), "deprecated"), (command.flags.has(Flags::SYSTEM), "syscmd")];
    if flags.iter().any(|(set, _)| *set) {
        reply.bulk_text("doc_flags");
        write_statuses(reply, "", flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name));
        fields += 1;
    }
    if let Some((since, replaced_by)) = command.deprecated {
        write_text(reply, "deprecated_since", since);
        write_text(reply, "replaced_by", replaced_by);
        fields += 2;
    }
    // A test reads every notation, so there is none that cannot be read.
    let arguments = syntax::parse(command.syntax).unwrap_or_default();
    if !arguments.is_empty() {
        reply.bulk_text("arguments");
        write_arguments(reply, &arguments, command.keys, &mut 0);
        fields += 1;
    }
    if entry.subcommands().next().is_some() {
        reply.bulk_text("subcommands");
        write_all_docs(reply, entry.subcommands());
        fields += 1;
    }
    reply.set_map_len(mark, fields);
}

/// Which specification an argument belongs to. `seen` counts those that are keys: the n-th belongs to the n-th that says
/// where keys stand, or to the last. Patterns belong to the one that does not.
fn spec_of(argument: &Argument, keys: &[Keys], seen: &mut usize) -> Option<usize> {
    let unknown = |keys: &Keys| keys.find == Find::Unknown;
    match argument.kind {
        Kind::Key => {
            let mut known = (0..keys.len()).filter(|index| !unknown(&keys[*index]));
            let last = known.clone().next_back();
            let found = known.nth(*seen).or(last);
            *seen += 1;
            found
        }
        Kind::Pattern => keys.iter().position(unknown),
        _ => None,
    }
}

fn write_arguments(reply: &mut Reply, arguments: &[Argument], keys: &[Keys], seen: &mut usize) {
    reply.array(arguments.len());
    for argument in arguments {
        let mark = reply.deferred();
        let mut fields = 2;
        write_text(reply, "name", &argument.name);
        write_text(reply, "type", argument.kind.name());
        if let Some(index) = spec_of(argument, keys, seen) {
            write_number(reply, "key_spec_index", index as i64);
            fields += 1;
        }
        if let Some(token) = &argument.token {
            write_text(reply, "token", token);
            fields += 1;
        }
        let flags = [
            (argument.optional, "optional"),
            (argument.multiple, "multiple"),
            (argument.multiple_token, "multiple_token"),
        ];
        if flags.iter().any(|(set, _)| *set) {
            reply.bulk_text("flags");
            write_statuses(reply, "", flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name));
            fields += 1;
        }
        if !argument.arguments.is_empty() {
            reply.bulk_text("arguments");
            write_arguments(reply, &argument.arguments, keys, seen);
            fields += 1;
        }
        reply.set_map_len(mark, fields);
    }
}
