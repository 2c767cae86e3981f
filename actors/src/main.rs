//! The Pika daemon: `pika [CONFIG_DIR | FILE] [--OPTION VALUE …]`, `pika restore BACKUP [--dir DIR]`,
//! `pika export --rdb FILE [--dir DIR]`.

use std::path::Path;
use std::process::ExitCode;

use pika::server::{self, Start};
use pika_core::config::{Disk, Sources, load, options};

// One allocator for Rust and RocksDB: it gives memory back and tells how much is in use.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const USAGE: &str = "usage: pika [CONFIG_DIR | CONFIG_FILE] [--OPTION VALUE ...]
       pika restore BACKUP_DIR [--dir DIR]
       pika export --rdb FILE [--dir DIR]
       pika import FILE.rdb | FILE.aof | APPENDONLYDIR [--replace] [CONFIG] [--dir DIR] [--OPTION VALUE ...]
       pika --version | --help

Without a configuration, ./config is read if it is there. Options: docs/config.md.";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--version" | "-v") => {
            println!("pika {} (redis 7.2 dialect)", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some("--help" | "-h") => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    if arguments.first().map(String::as_str) == Some("export") {
        return match export(arguments.get(1..).unwrap_or_default()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("pika: {error}");
                ExitCode::FAILURE
            }
        };
    }
    if arguments.first().map(String::as_str) == Some("import") {
        arguments.remove(0);
        return match import(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("pika: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let restore = (arguments.first().map(String::as_str) == Some("restore")).then(|| {
        arguments.remove(0);
        if arguments.is_empty() { String::new() } else { arguments.remove(0) }
    });
    let result = match restore {
        Some(backup) if backup.is_empty() || backup.starts_with("--") => Err(USAGE.to_string()),
        Some(backup) => restore_from(&backup, &arguments),
        None => run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pika: {error}");
            ExitCode::FAILURE
        }
    }
}

fn loaded(arguments: &[String]) -> Result<pika_core::config::Loaded, String> {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let sources = Sources {
        default_path: Some(Path::new("config")).filter(|path| path.is_dir()),
        environment: &environment,
        arguments,
    };
    load(&sources, &Disk).map_err(|error| error.to_string())
}

fn restore_from(backup: &str, arguments: &[String]) -> Result<(), String> {
    let config = loaded(arguments)?.config;
    let report = pika::backup::restore(Path::new(backup), Path::new(config.get(options::DIR)))?;
    println!("{report}");
    Ok(())
}

fn export(arguments: &[String]) -> Result<(), String> {
    let [what, target, rest @ ..] = arguments else { return Err(USAGE.into()) };
    if what != "--rdb" || target.starts_with("--") {
        return Err(USAGE.into());
    }
    let config = loaded(rest)?.config;
    let (logger, guard) =
        pika::logging::start("", config.get(options::LOGLEVEL)).map_err(|error| format!("log: {error}"))?;
    let report = pika::export::to_rdb(&config, Path::new(target), &logger);
    drop(guard);
    println!("{}", report?);
    Ok(())
}

fn import(mut arguments: Vec<String>) -> Result<(), String> {
    if arguments.first().is_none_or(|source| source.starts_with("--")) {
        return Err(USAGE.to_string());
    }
    let source = arguments.remove(0);
    let before = arguments.len();
    arguments.retain(|argument| argument != "--replace");
    let config = loaded(&arguments)?.config;
    let (logger, guard) = pika::logging::start("", config.get(options::LOGLEVEL))
        .map_err(|error| format!("log file: {error}"))?;
    let result = pika::import::run(Path::new(&source), &config, arguments.len() < before, &logger);
    drop(guard);
    println!("{}", result?);
    Ok(())
}

fn run(arguments: &[String]) -> Result<(), String> {
    let loaded = loaded(arguments)?;
    if loaded.config.get(options::DAEMONIZE) && std::env::var_os("PIKA_IS_DAEMON").is_none() {
        return daemonize();
    }
    let (logger, guard) =
        pika::logging::start(loaded.config.get(options::LOGFILE), loaded.config.get(options::LOGLEVEL))
            .map_err(|error| format!("log file: {error}"))?;
    for warning in &loaded.warnings {
        slog::warn!(logger, "{warning}");
    }
    let result = server::run(Start {
        config: loaded.config,
        users: loaded.users,
        renames: loaded.renames,
        config_path: loaded.path,
        logger,
    });
    drop(guard);
    result
}

/// Starts the same command in the background, apart from this terminal.
fn daemonize() -> Result<(), String> {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    Command::new(program)
        .args(std::env::args_os().skip(1))
        .env("PIKA_IS_DAEMON", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map(|_| ())
        .map_err(|error| error.to_string())
}
