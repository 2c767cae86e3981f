use super::*;
use crate::commands::spec::CATEGORIES;
use crate::commands::{Arity, syntax};

#[test]
fn names_are_unique_lower_case_and_sorted() {
    for family in FAMILIES {
        assert!(
            family.is_sorted_by(|one, other| one.name < other.name),
            "{:?}",
            family.first().map(|c| c.name)
        );
    }
    let names: std::collections::HashSet<_> = entries().iter().map(|entry| &entry.full_name).collect();
    assert_eq!(names.len(), entries().len());
    for entry in entries() {
        let name = entry.command.name;
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
        assert!(plain && !name.is_empty() && name.len() <= 32, "{name}");
        let rows = entry.command.subcommands;
        assert!(rows.is_sorted_by(|one, other| one.name < other.name), "subcommands of {name}");
        assert!(rows.iter().all(|row| row.subcommands.is_empty()), "{name} nests twice");
    }
}

#[test]
fn rows_are_whole() {
    for entry in entries() {
        let (name, command) = (&entry.full_name, entry.command);
        assert!(command.summary.ends_with('.'), "{name}: the summary is no sentence");
        assert!(!command.flags.has(Flags::WRITE.and(Flags::READONLY)), "{name} both writes and only reads");
        let nothing = command.categories.iter().chain(command.tips).any(|word| word.is_empty());
        assert!(!nothing, "{name}");
        assert!(command.categories.iter().all(|category| CATEGORIES.contains(category)), "{name}");
        let container = entry.is_container();
        assert_eq!(container, !command.subcommands.is_empty() && !runs(command), "{name} has nothing to run");
        let differs = command.differs;
        assert!(differs.is_empty() || differs.ends_with('.'), "{name}: what differs is no sentence");
    }
}

fn runs(command: &Command) -> bool {
    !matches!(command.run, Run::Container)
}

#[test]
fn arity_agrees_with_syntax() {
    for entry in entries() {
        let command = entry.command;
        let arguments = syntax::parse(command.syntax)
            .unwrap_or_else(|error| panic!("syntax of {}: {error}", entry.full_name));
        if entry.is_container() || command.name == "quit" || entry.full_name == "command" {
            continue;
        }
        let (least, more) = syntax::bounds(&arguments);
        let least = least + 1 + usize::from(entry.parent.is_some());
        // A row may leave the upper bound to its function, to answer as Redis does.
        let fits = match command.arity {
            Arity::Exactly(words) => words == least && !more,
            Arity::AtLeast(words) => words == least,
        };
        assert!(fits, "{}: {:?}, but its syntax says {least}, more: {more}", entry.full_name, command.arity);
    }
}

#[test]
fn keys_are_within_the_arity() {
    for entry in entries() {
        let least = entry.command.arity.signed().unsigned_abs() as usize;
        for keys in entry.command.keys {
            if let crate::commands::Begin::Word(first) = keys.begin {
                // Those of a list that goes on to the last word may all be missing (PFMERGE's sources).
                let list = matches!(keys.find, crate::commands::Find::Range { last, .. } if last < 0);
                let channels = keys.flags.0 == ["not_key"];
                let least = least + usize::from(list && (channels || entry.command.keys.len() > 1));
                assert!((1..least).contains(&first), "{}: a key may be missing", entry.full_name);
            }
            let flags = keys.flags.0;
            // Shard channels are routed as keys are, and are none.
            assert!(["not_key", "RO", "RW", "OW", "RM"].contains(&flags[0]), "{}", entry.full_name);
        }
    }
}

#[track_caller]
fn resolved(words: &[&str]) -> Result<&'static str, String> {
    let frame: String = words.concat();
    let mut ranges = Vec::new();
    let mut start = 0;
    for word in words {
        ranges.push((start, start + word.len() as u32));
        start += word.len() as u32;
    }
    match resolve(Args::new(frame.as_bytes(), &ranges)) {
        Ok(entry) => Ok(&entry.full_name),
        Err(refusal) => Err(String::from_utf8_lossy(&refusal.error).into_owned()),
    }
}

#[test]
fn words_become_commands() {
    assert_eq!(resolved(&["PiNg"]), Ok("ping"));
    assert_eq!(resolved(&["CONFIG", "GET", "x"]), Ok("config|get"));
    assert_eq!(resolved(&["command"]), Ok("command"));
    assert_eq!(resolved(&["debug", "sleep", "0"]), Ok("debug"));
    assert_eq!(resolved(&["debug", "object", "key"]), Ok("debug|object"));
    let error = |words: &[&str]| resolved(words).expect_err("refused");
    assert_eq!(error(&["client"]), "ERR wrong number of arguments for 'client' command");
    assert_eq!(error(&["client", "kill"]), "ERR wrong number of arguments for 'client|kill' command");
    assert_eq!(error(&["client", "FOO"]), "ERR unknown subcommand 'FOO'. Try CLIENT HELP.");
    assert_eq!(error(&["Foo", "a", "b"]), "ERR unknown command 'Foo', with args beginning with: 'a' 'b' ");
    assert_eq!(error(&[""]), "ERR unknown command '', with args beginning with: ");
    let long = "x".repeat(200);
    let quoted = format!("'{}' ", "x".repeat(128));
    assert!(error(&["foo", &long, "b"]).ends_with(&format!("beginning with: {quoted}")));
}

#[test]
fn names_with_bars_are_found() {
    assert_eq!(find_full(b"CONFIG|Get").map(|entry| entry.full_name.as_str()), Some("config|get"));
    for name in ["get|key", "config|get|key", "debug|object", "", "|"] {
        assert!(find_full(name.as_bytes()).is_none(), "{name}");
    }
}
