//! `pika import`: an RDB file or an append-only file into the data folder of a server that is not running.
//!
//! The data is loaded beside what the folder has, which stays whole until the end: see
//! [`pika_core::keyspace::load`]. It is in no log, so it begins a history of its own: slaves of this server have to
//! synchronise fully.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use pika_core::config::{Config, options};
use pika_core::engine::Engine;
use pika_core::files::Real;
use pika_core::keyspace::load::{Begin, Loader, Switch, Tally};
use pika_core::replication::{History, ReplicationId};

use crate::loading::{self, Pipe, Watcher};
use crate::state::now_ms;

/// What is to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Rdb(PathBuf),
    /// Files in their order. The first may be, or begin with, an RDB file.
    AppendOnly(Vec<PathBuf>),
}

/// Imports `source` into the data folder that `config` names. Returns a report for the operator.
///
/// # Errors
/// For the operator. The folder's data is then as it was.
pub fn run(source: &Path, config: &Config, replace: bool, logger: &slog::Logger) -> Result<String, String> {
    let began = Instant::now();
    let source = find(source)?;
    let folder = PathBuf::from(config.get(options::DIR));
    let _lock = crate::opening::open_folder(&folder)?;
    let mut opened = crate::opening::open_offline(config, logger)?;
    let held = opened.keys();
    if held > 0 && !replace {
        return Err(format!(
            "the data folder {} has {held} keys: name another with --dir, or say --replace to have the import take \
             their place",
            folder.display()
        ));
    }
    // What was replayed must be on disk before anything that the log does not have.
    opened.settle()?;
    let begin = Begin { namespaces: opened.namespaces(), next_version: opened.next_version() };
    let databases = begin.namespaces.databases();
    let mut loader = Loader::new(Arc::new(opened.engine.clone()), begin, crate::state::settings_of(config));
    let failed = |error: pika_core::engine::EngineError| error.to_string();
    opened.engine.write(loader.marks()).map_err(failed)?;
    opened.engine.flush(true).map_err(failed)?;
    let mut pipe = Pipe::of_store(opened.engine.clone()).map_err(|error| error.to_string())?;
    let refuses_torn = !config.get(options::AOF_LOAD_TRUNCATED);
    let notes = load(&source, &mut loader, &mut pipe, databases, refuses_torn)?;
    pipe.finish(&mut loader)?;
    opened.engine.flush(true).map_err(failed)?;
    let offset = opened.end_offset();
    let history = History::new(ReplicationId::from_random(std::array::from_fn(|_| fastrand::u8(..))));
    // First: whoever asks to go on with the old history must be told that this is another.
    history.store(&Real, &folder).map_err(|error| error.to_string())?;
    let switch = Switch { loaded: loader.finish(), offset, partitions: opened.partitions(), restart: None };
    switch.apply(&opened.engine).map_err(failed)?;
    let tally = switch.loaded.tally;
    opened.engine.close();
    Ok(report(&tally, &notes, began.elapsed(), &folder))
}

fn report(tally: &Tally, notes: &[String], took: Duration, folder: &Path) -> String {
    let mut text = format!("imported into {} in {:.1} s: {tally}", folder.display(), took.as_secs_f64());
    for (name, keys, elements) in tally.types() {
        text.push_str(&format!("\n  {name:<7} {keys:>12} keys {elements:>14} elements"));
    }
    for note in notes {
        text.push_str("\nnote: ");
        text.push_str(note);
    }
    text
}

/// What kind of file it is.
fn find(path: &Path) -> Result<Source, String> {
    let fail = |error: std::io::Error| format!("{}: {error}", path.display());
    if path.is_dir() {
        let manifests: Vec<PathBuf> = std::fs::read_dir(path)
            .map_err(fail)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "manifest"))
            .collect();
        return match &manifests[..] {
            [manifest] => read_manifest(manifest),
            [] => Err(format!("{} has no manifest of an append-only file", path.display())),
            _ => Err(format!("{} has several manifests: name one of them", path.display())),
        };
    }
    if path.extension().is_some_and(|extension| extension == "manifest") {
        return read_manifest(path);
    }
    let mut start = [0; 5];
    let length = loading::open(path)?.read(&mut start).map_err(fail)?;
    match &start[..length] {
        b"REDIS" if path.extension().is_none_or(|extension| extension != "aof") => {
            Ok(Source::Rdb(path.into()))
        }
        b"REDIS" => Ok(Source::AppendOnly(vec![path.into()])),
        [b'*' | b'#', ..] => Ok(Source::AppendOnly(vec![path.into()])),
        _ => Err(format!("{} is neither an RDB file nor an append-only file", path.display())),
    }
}

/// The files of a manifest: the base, then the increments in the order of their numbers.
fn read_manifest(path: &Path) -> Result<Source, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut parts: Vec<(bool, u64, PathBuf)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let after =
            |name: &str| words.chunks(2).find(|pair| pair[0] == name).and_then(|pair| pair.get(1)).copied();
        let (Some(file), Some(number), Some(kind)) =
            (after("file"), after("seq").and_then(|number| number.parse().ok()), after("type"))
        else {
            return Err(format!("{}: this line makes no sense: {line}", path.display()));
        };
        match kind {
            "b" | "i" => parts.push((kind == "i", number, folder.join(file.trim_matches('"')))),
            // What was, before the last rewrite.
            "h" => {}
            _ => return Err(format!("{}: unknown type of file: {line}", path.display())),
        }
    }
    parts.sort();
    if parts.is_empty() {
        return Err(format!("{} names no file", path.display()));
    }
    Ok(Source::AppendOnly(parts.into_iter().map(|(_, _, path)| path).collect()))
}

/// Shows how far it is.
struct Bar {
    bar: ProgressBar,
    before: u64,
}

impl Bar {
    fn new(total: u64) -> Bar {
        let bar = ProgressBar::new(total);
        let style = "{bar:30} {bytes}/{total_bytes} ({bytes_per_sec}) {msg} {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Bar { bar, before: 0 }
    }
}

impl Watcher for Bar {
    fn at(&mut self, bytes: u64, loader: &Loader) -> bool {
        self.bar.set_position(self.before + bytes);
        let Tally { commands, .. } = loader.tally;
        self.bar.set_message(match commands {
            0 => format!("{} keys", loader.tally.keys()),
            _ => format!("{} keys, {commands} commands", loader.tally.keys()),
        });
        true
    }
}

/// Loads all files. Returns what the operator should know besides.
fn load(
    source: &Source,
    loader: &mut Loader,
    pipe: &mut Pipe,
    databases: usize,
    refuses_torn: bool,
) -> Result<Vec<String>, String> {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |facts| facts.len());
    let mut notes = Vec::new();
    match source {
        Source::Rdb(path) => {
            let mut bar = Bar::new(size(path));
            loading::rdb(loading::open(path)?, loader, pipe, Some(now_ms()), &mut bar)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            bar.bar.finish();
        }
        Source::AppendOnly(paths) => {
            let mut bar = Bar::new(paths.iter().map(size).sum());
            for (index, path) in paths.iter().enumerate() {
                let named = |error: String| format!("{}: {error}", path.display());
                let left =
                    append_only(loading::open(path)?, loader, pipe, databases, &mut bar).map_err(named)?;
                bar.before += size(path);
                if left > 0 && index + 1 < paths.len() {
                    return Err(named(format!(
                        "its last {left} bytes are no whole command, and another file follows"
                    )));
                }
                if left > 0 && refuses_torn {
                    return Err(named(format!(
                        "its last {left} bytes are no whole command or transaction, and aof-load-truncated is no"
                    )));
                }
                if left > 0 {
                    notes.push(format!(
                        "{}: its last {left} bytes are no whole command or transaction; they were left out, as \
                         Redis does with `aof-load-truncated yes`",
                        path.display()
                    ));
                }
            }
            bar.bar.finish();
        }
    }
    Ok(notes)
}

/// One file: commands, maybe behind an RDB file. Returns how many bytes at its end are no whole command.
fn append_only(
    mut input: BufReader<std::fs::File>,
    loader: &mut Loader,
    pipe: &mut Pipe,
    databases: usize,
    bar: &mut Bar,
) -> Result<usize, String> {
    let start = input.fill_buf().map_err(|error| error.to_string())?;
    if !start.starts_with(b"REDIS") {
        return loading::commands(input, loader, pipe, databases, bar);
    }
    // A command further on may speak of a key that has expired since: it must be there.
    let (rest, _) = loading::rdb(input, loader, pipe, None, bar)?;
    loading::commands(rest, loader, pipe, databases, bar)
}
