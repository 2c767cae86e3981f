//! Texts made from the table: `docs/config.md` and `config/pika.toml`.

use super::key::Id;
use super::rewrite::toml_value;
use super::row::{Alias, Change, Effect, Kind, Row, Section};
use super::size::format_size;
use super::value::Value;
use std::fmt::Write;

/// How wide the lines of `pika.toml` are.
const WIDTH: usize = 100;

const INTRODUCTION: &str = "\
# Configuration

Made from the table in `src/config/options/`; `UPDATE=1 cargo test -p pika-core config` writes it anew.

Settings come in layers, the later over the earlier: defaults; the files of the configuration folder (`pika.toml`, then
other `*.toml` by name) or one file, TOML or in the form of `redis.conf`; environment variables (`PIKA_` and the name,
with `_` for `-`: `PIKA_MEMORY_BUDGET=2gb`); the command line (`pika [folder or file] --port 7000 --save \"\"`).

CONFIG GET shows every option, CONFIG SET changes those marked *run time*, and CONFIG REWRITE puts the current values
into the files. An unknown option or a value that does not fit stops the start, with the place and what was expected.

Sizes take units in any case: `k`, `m`, `g` are powers of 1000, `kb`, `mb`, `gb` of 1024.
";

const ACCEPTED: &str = "\
Options of Redis that have no meaning here. Their values are checked, kept and returned, so that tools and tests made
for Redis work; nothing else comes of them, and loading warns of each that is not at its default.
";

/// The text of `docs/config.md`.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_string();
    for section in Section::ALL {
        let _ = write!(text, "\n## {}\n\n", section.title());
        if section == Section::Redis {
            text.push_str(ACCEPTED);
            text.push_str(
                "\n| Option | Default | Values | Change | Why it has no effect |\n|---|---|---|---|---|\n",
            );
        } else {
            text.push_str("| Option | Default | Values | Change | What it does |\n|---|---|---|---|---|\n");
        }
        for id in rows_of(section) {
            let row = id.row();
            let help = row.paragraphs().join("<br>").replace("Danger:", "**Danger:**");
            let _ = writeln!(
                text,
                "| `{}`{} | {} | {} | {} | {} |",
                row.name,
                aliases(row),
                code(&default_text(id)),
                values(row),
                change(row),
                help.replace('|', "\\|"),
            );
        }
    }
    text
}

/// The text of `config/pika.toml`: every effective option at its default, as a comment.
pub fn shipped_file() -> String {
    let mut text = String::from(
        "# Configuration of Pika.\n\
         #\n\
         # Every option that does something is here with its default, behind a `#` without a space. To change\n\
         # one, remove that `#`. Other .toml files in this folder are read after this one, in the order of\n\
         # their names, and override it; so do environment variables (PIKA_PORT) and the command line\n\
         # (--port). docs/config.md lists everything.\n\
         #\n\
         # Sizes are numbers of bytes, or strings with a unit: \"64mb\" is 64 * 1024 * 1024 bytes.\n",
    );
    for section in Section::ALL.into_iter().filter(|section| *section != Section::Redis) {
        let _ = write!(text, "\n\n# ==== {} {}\n", section.title(), "=".repeat(40));
        for id in rows_of(section) {
            let row = id.row();
            text.push('\n');
            for paragraph in row.paragraphs() {
                comment(&mut text, &paragraph);
            }
            comment(&mut text, &format!("Values: {}. Change: {}.", toml_values(row), change(row)));
            let _ = writeln!(text, "#{} = {}", row.name, toml_value(&Value::default_of(id), id));
        }
    }
    text
}

/// The options that [`shipped_file`] names.
pub fn effective() -> impl Iterator<Item = Id> {
    Id::all().filter(|id| id.row().effect == Effect::Effective)
}

fn rows_of(section: Section) -> impl Iterator<Item = Id> {
    let mut rows: Vec<Id> = Id::all().filter(|id| id.row().section == section).collect();
    if section == Section::Redis {
        rows.sort_by_key(|id| id.row().name);
    }
    rows.into_iter()
}

fn default_text(id: Id) -> String {
    let row = id.row();
    match row.kind {
        Kind::Size { .. } | Kind::BufferLimits => row.default.into(),
        _ => Value::default_of(id).to_text(id),
    }
}

fn code(text: &str) -> String {
    if text.is_empty() { "(empty)".into() } else { format!("`{text}`") }
}

fn aliases(row: &Row) -> String {
    if row.aliases.is_empty() {
        return String::new();
    }
    let scaled = |alias: &Alias| match alias.factor {
        1 => format!("`{}`", alias.name),
        factor => format!("`{}` (× {factor})", alias.name),
    };
    format!("<br>also {}", row.aliases.iter().map(scaled).collect::<Vec<_>>().join(", "))
}

fn change(row: &Row) -> &'static str {
    match row.change {
        Change::Runtime => "run time",
        Change::Protected => "run time, protected",
        Change::Start => "start",
    }
}

fn values(row: &Row) -> String {
    match row.kind {
        Kind::Bool => "`yes`, `no`".into(),
        Kind::Integer { min, max } => match max {
            i64::MAX => format!("integer from {min}"),
            _ if max == i64::from(i32::MAX) || max == i64::from(u32::MAX) => format!("integer from {min}"),
            _ => format!("integer, {min} to {max}"),
        },
        Kind::Octal { max, .. } => format!("octal, 0 to {max:o}"),
        Kind::Size { min, max } if max >= i64::MAX as u64 => match min {
            0 => "size".into(),
            _ => format!("size from {}", format_size(min)),
        },
        Kind::Size { min, max } => format!("size, {} to {}", format_size(min), format_size(max)),
        Kind::SizeOrPercent => "size, or a percentage with `%`".into(),
        Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Kind::Text => "text".into(),
        Kind::Words => "words".into(),
        Kind::Save => "pairs of seconds and changes".into(),
        Kind::BufferLimits => "groups of class, hard limit, soft limit, seconds".into(),
        Kind::Events => "letters of `Ag$lshzxeKEtmdn`".into(),
        Kind::Percentiles => "numbers from 0 to 100".into(),
        Kind::OomScores => "three integers, -2000 to 2000".into(),
        Kind::Shutdown => "`default`, or some of `save`, `nosave`, `now`, `force`".into(),
        Kind::Master => "host and port".into(),
    }
}

/// As [`values`], in the words of a TOML file.
fn toml_values(row: &Row) -> String {
    match row.kind {
        Kind::Bool => "true, false".into(),
        _ => values(row).replace('`', ""),
    }
}

/// Adds a paragraph as comment lines of at most [`WIDTH`] characters.
fn comment(text: &mut String, paragraph: &str) {
    let mut line = String::from("#");
    for word in paragraph.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
