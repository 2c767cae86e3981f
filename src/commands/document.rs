//! Writes `docs/commands.md` from the table.

use std::fmt::Write;

use super::spec::{Command, Flags, Group};
use super::syntax;
use super::table::{self, Entry};

/// The text of `docs/commands.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Commands\n\n\
         Generated from the command table (`src/commands/`); `UPDATE=1 cargo test -p pika-core document` writes it \
         again.\n\n\
         Replies, errors and options are Redis's, but for what stands below a table. *Since* is the version of \
         Redis that had the command first. In the syntax, words in lower case are values, words in upper case stand \
         for themselves.\n",
    );
    for group in Group::ALL {
        let mut rows: Vec<&Entry> = table::entries().iter().filter(|entry| belongs(entry, group)).collect();
        if rows.is_empty() {
            continue;
        }
        rows.sort_by(|one, other| one.full_name.cmp(&other.full_name));
        write_group(&mut text, group, &rows);
    }
    text
}

/// Subcommands stand with their command; what only has subcommands needs no line of its own.
fn belongs(entry: &Entry, group: Group) -> bool {
    let head = entry.parent.unwrap_or(entry.command);
    let only_container = entry.is_container() && entry.command.differs.is_empty();
    head.group == group && !entry.is_hidden() && !only_container
}

fn write_group(text: &mut String, group: Group, rows: &[&Entry]) {
    // Writing into a string does not fail.
    let _ = write!(text, "\n## {}\n\n", group.title());
    text.push_str("| Command | Summary | Since | Flags |\n|---|---|---|---|\n");
    for entry in rows.iter().filter(|entry| !entry.is_container()) {
        let command = entry.command;
        let name = entry.full_name.to_uppercase().replace('|', " ");
        let usage = format!("{name} {}", syntax::display(command.syntax)).trim_end().replace('|', "\\|");
        let flags: Vec<&str> = command.flags.names().collect();
        let _ = writeln!(
            text,
            "| `{usage}` | {} | {} | {} |",
            command.summary.replace('|', "\\|"),
            since(command),
            flags.join(", ")
        );
    }
    let differing: Vec<&&Entry> = rows.iter().filter(|entry| !entry.command.differs.is_empty()).collect();
    if !differing.is_empty() {
        text.push_str("\nWhere Pika differs:\n\n");
    }
    for entry in differing {
        let name = entry.full_name.to_uppercase().replace('|', " ");
        let _ = writeln!(text, "- **{name}**: {}", entry.command.differs);
    }
}

fn since(command: &Command) -> String {
    match command.deprecated {
        _ if command.flags.has(Flags::PIKA) => "Pika".into(),
        Some((since, replaced_by)) => {
            format!("{}; deprecated since {since} in favour of {replaced_by}", command.since)
        }
        None => command.since.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md");
        let text = super::markdown();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).expect("a folder");
            std::fs::write(path, &text).expect("docs/commands.md can be written");
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == text, "docs/commands.md is out of date: UPDATE=1 cargo test -p pika-core document");
    }
}
