use super::super::current::Config;
use super::super::document::{effective, markdown, shipped_file};
use super::super::load::{Sources, load, toml_layer};
use super::super::row::Effect;
use super::super::table::TABLE;
use super::Memory;
use std::path::Path;

/// Compares a file of the repository with the text it is made from, or writes it with `UPDATE=1`.
fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&path, expected).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{name} is out of date: UPDATE=1 cargo test -p pika-core config");
}

#[test]
fn files_are_up_to_date() {
    check("docs/config.md", &markdown());
    check("config/pika.toml", &shipped_file());
}

/// The shipped file, which is the same as its text here, with every option switched on.
fn uncommented() -> String {
    let text = shipped_file();
    let is_option =
        |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    text.lines().map(|line| if is_option(line) { &line[1..] } else { line }).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_holds_every_effective_option_at_its_default() {
    let text = uncommented();
    let layer = toml_layer("pika.toml", &text).expect("no unknown option, no invalid value");
    assert_eq!(layer.warnings, Vec::<String>::new());
    for id in effective() {
        assert!(layer.values.contains_key(id.row().name), "{} is missing", id.row().name);
    }
    assert_eq!(layer.values.len(), effective().count());
    for shipped in [text.as_str(), &shipped_file()] {
        let files = Memory::with(&[("config/pika.toml", shipped)]);
        let loaded = load(&Sources { default_path: Some(Path::new("config")), ..Sources::default() }, &files);
        let loaded = loaded.expect("valid");
        assert_eq!(loaded.config, Config::default());
        assert_eq!(loaded.warnings, Vec::<String>::new());
    }
}

#[test]
fn the_documentation_names_every_option_once() {
    let text = markdown();
    for row in TABLE {
        assert_eq!(text.matches(&format!("\n| `{}`", row.name)).count(), 1, "{}", row.name);
    }
    let (before, accepted) = text.split_once("## Accepted").expect("the section");
    for row in TABLE {
        let place = if row.effect == Effect::Accepted { accepted } else { before };
        assert!(place.contains(&format!("\n| `{}`", row.name)), "{}", row.name);
    }
}
