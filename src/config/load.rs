//! Loading: defaults, then files, then the environment, then the command line; the later one wins.

use super::command_line;
use super::current::Config;
use super::directives::Directives;
use super::key::Id;
use super::layer::{Layer, LoadError, merged_text};
use super::redis_format::{Directive, RedisFormat, text_of};
use super::row::Effect;
use super::table;
use super::value::Value;
use config::Format;
use std::io;
use std::path::{Path, PathBuf};

/// The option whose points on the command line add to those of the files.
const SAVE: &str = "save";

/// The file of a configuration folder that is read first, and that CONFIG REWRITE adds to.
pub const MAIN_FILE: &str = "pika.toml";

/// What environment variables that set options begin with: `PIKA_MEMORY_BUDGET=2gb`.
pub const ENVIRONMENT_PREFIX: &str = "PIKA_";

/// How this module sees files, so that tests need none.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// Whatever keeps it from being read, or `InvalidData` if it cannot be told as text: TOML that is not UTF-8, or a
    /// redis.conf with a line of other bytes whose quotes are not closed.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The files of a folder, in any order; `None` if the path is not a folder.
    ///
    /// # Errors
    /// Whatever keeps the folder from being read, or `NotFound` if nothing has that path.
    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>>;
}

/// The files on disk.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<String> {
        if is_toml(path) {
            return std::fs::read_to_string(path);
        }
        text_of(std::fs::read(path)?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn list(&self, path: &Path) -> io::Result<Option<Vec<PathBuf>>> {
        if !std::fs::metadata(path)?.is_dir() {
            return Ok(None);
        }
        std::fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()
            .map(Some)
    }
}

/// Where settings come from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// The folder or file to read if the command line names none. It need not exist.
    pub default_path: Option<&'a Path>,
    /// The process's environment; only names that begin with [`ENVIRONMENT_PREFIX`] count.
    pub environment: &'a [(String, String)],
    /// The process's arguments, without its own name: a folder or file first, if any; then options.
    pub arguments: &'a [String],
}

/// A configuration and what there is to say about how it came about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The folder or file that was read, for [`super::rewrite()`]; `None` if there was none, and then CONFIG REWRITE has
    /// nothing to write to.
    pub path: Option<PathBuf>,
    /// Users (`user`): of each the name and rules.
    pub users: Vec<Vec<Vec<u8>>>,
    /// Commands that have another name, or none (`rename-command`).
    pub renames: Vec<(String, String)>,
    /// What the operator should know: settings that have no effect.
    pub warnings: Vec<String>,
}

/// Loads the configuration.
///
/// A folder holds `pika.toml` and further `*.toml` files, read in the order of their names. A file is TOML if its name
/// ends in `.toml`; any other is read as a redis.conf.
///
/// # Errors
/// The first thing that is wrong: a file that cannot be read, an unknown option, a value that does not fit.
pub fn load(sources: &Sources<'_>, files: &dyn Files) -> Result<Loaded, LoadError> {
    let (named_path, arguments) = match sources.arguments.split_first() {
        Some((first, rest)) if !first.starts_with("--") => (Some(Path::new(first.as_str())), rest),
        _ => (None, sources.arguments),
    };
    // A path that is there but cannot be read is an error: the server must not start with defaults instead.
    let is_missing =
        |path: &Path| files.list(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let default_path = sources.default_path.filter(|path| !is_missing(path));
    let path = named_path.or(default_path);
    let mut layers = match path {
        Some(path) => file_layers(path, files)?,
        None => Vec::new(),
    };
    layers.push(environment_layer(sources.environment)?);
    layers.push(command_line_layer(arguments, &layers)?);
    let mut warnings: Vec<String> =
        layers.iter_mut().flat_map(|layer| std::mem::take(&mut layer.warnings)).collect();
    warnings.extend(ineffective(&layers));
    let mut directives = Directives::default();
    layers.iter_mut().for_each(|layer| directives.append(std::mem::take(&mut layer.directives)));
    let Directives { users, renames } = directives;
    Ok(Loaded { config: merge(layers)?, users, renames, path: path.map(Path::to_path_buf), warnings })
}

/// The configuration that the files at `path` make by themselves.
pub(super) fn load_files(path: &Path, files: &dyn Files) -> Result<Config, LoadError> {
    merge(file_layers(path, files)?)
}

/// The files to read, in order.
pub(super) fn config_files(path: &Path, files: &dyn Files) -> Result<Vec<PathBuf>, LoadError> {
    let error = |problem: String| LoadError { origin: path.display().to_string(), problem };
    let Some(mut found) = files.list(path).map_err(|problem| error(problem.to_string()))? else {
        return Ok(vec![path.to_path_buf()]);
    };
    found.retain(|file| is_toml(file));
    found.sort_by_key(|file| (file.file_name().is_none_or(|name| name != MAIN_FILE), file.clone()));
    if found.is_empty() {
        return Err(error("the folder holds no .toml file".into()));
    }
    Ok(found)
}

pub(super) fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

fn file_layers(path: &Path, files: &dyn Files) -> Result<Vec<Layer>, LoadError> {
    config_files(path, files)?
        .iter()
        .map(|file| {
            let origin = file.display().to_string();
            let text = files
                .read(file)
                .map_err(|problem| LoadError { origin: origin.clone(), problem: problem.to_string() })?;
            if is_toml(file) { toml_layer(&origin, &text) } else { redis_layer(&origin, &text, files) }
        })
        .collect()
}

pub(super) fn toml_layer(origin: &str, text: &str) -> Result<Layer, LoadError> {
    let uri = origin.to_string();
    let table = config::FileFormat::Toml
        .parse(Some(&uri), text)
        .map_err(|problem| LoadError { origin: uri.clone(), problem: problem.to_string() })?;
    let mut layer = Layer::default();
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    for (name, value) in entries {
        layer.put_toml(&name, value, origin)?;
    }
    Ok(layer)
}

fn redis_layer(origin: &str, text: &str, files: &dyn Files) -> Result<Layer, LoadError> {
    let format = RedisFormat::new(files);
    let values = format.parse(Some(&origin.to_string()), text).map_err(|problem| {
        match problem.downcast::<LoadError>() {
            Ok(error) => *error,
            Err(other) => LoadError { origin: origin.into(), problem: other.to_string() },
        }
    })?;
    let (warnings, directives) = format.into_rest();
    Ok(Layer { values, warnings, directives })
}

fn environment_layer(environment: &[(String, String)]) -> Result<Layer, LoadError> {
    let mut layer = Layer::default();
    for (variable, text) in environment {
        let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) else {
            continue;
        };
        let origin = format!("environment variable {variable}");
        let dashed = name.to_ascii_lowercase().replace('_', "-");
        let Some(named) = table::find(&dashed) else {
            // Not an error: others put variables there too, as Kubernetes does for a service of that name.
            layer.warnings.push(format!("{origin}: unknown option '{dashed}'"));
            continue;
        };
        if text.starts_with("tcp://") {
            layer
                .warnings
                .push(format!("{origin}: ignored: set by Kubernetes for a service, not for this server"));
            continue;
        }
        layer.put(named, text, &origin)?;
    }
    Ok(layer)
}

/// `earlier` is what the layers below say: points of `save` add to theirs, as in Redis.
fn command_line_layer(arguments: &[String], earlier: &[Layer]) -> Result<Layer, LoadError> {
    let mut layer = Layer::default();
    let directives = command_line::directives(arguments)?;
    let is_save = |directive: &Directive| directive.words[0].eq_ignore_ascii_case(SAVE);
    if directives.iter().any(is_save)
        && let Some(points) = earlier.iter().rev().find_map(|layer| layer.values.get(SAVE))
    {
        layer.values.insert(SAVE.into(), points.clone());
    }
    for directive in &directives {
        layer.put_directive(directive)?;
    }
    Ok(layer)
}

fn merge(layers: Vec<Layer>) -> Result<Config, LoadError> {
    let error = |problem: config::ConfigError| LoadError {
        origin: "configuration".into(),
        problem: problem.to_string(),
    };
    let mut builder = config::Config::builder();
    for layer in layers {
        builder = builder.add_source(layer);
    }
    let merged = builder.build().map_err(error)?;
    let mut settings = config::Source::collect(&merged).map_err(error)?;
    let values = Id::all().map(|id| {
        let Some(setting) = settings.remove(id.row().name) else {
            return Ok(Value::default_of(id));
        };
        let origin = setting.origin().unwrap_or_default().to_string();
        Value::parse(id.row(), &merged_text(setting), None)
            .map_err(|problem| LoadError { origin, problem: format!("{}: {problem}", id.row().name) })
    });
    Ok(Config::from_values(values.collect::<Result<_, _>>()?))
}

/// Warns of settings that are accepted only for Redis's sake, unless they say what is so anyway.
fn ineffective(layers: &[Layer]) -> Vec<String> {
    let mut warnings = Vec::new();
    for layer in layers {
        for id in Id::all().filter(|id| id.row().effect == Effect::Accepted) {
            let row = id.row();
            let Some(setting) = layer.values.get(row.name) else {
                continue;
            };
            if merged_text(setting.clone()) != Value::default_of(id).to_text(id) {
                let origin = setting.origin().unwrap_or_default();
                warnings.push(format!("{origin}: {} has no effect: {}", row.name, row.help));
            }
        }
    }
    warnings
}
