//! Lines for the operator: to a terminal readable, to a file one record a line; asynchronous, level at run time.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use pika_core::config::choice::LogLevel;
use slog::{Drain, Level, Logger, OwnedKVList, Record};

/// The least severe level that is written, as [`Level::as_usize`]; 0 is none.
static LEVEL: AtomicUsize = AtomicUsize::new(4);

/// Sets the least severe level that is written.
pub fn set_level(level: LogLevel) {
    let level = match level {
        LogLevel::Debug => Level::Trace.as_usize(),
        LogLevel::Verbose => Level::Debug.as_usize(),
        LogLevel::Notice => Level::Info.as_usize(),
        LogLevel::Warning => Level::Warning.as_usize(),
        LogLevel::Nothing => 0,
    };
    LEVEL.store(level, Ordering::Relaxed);
}

struct ByLevel<D>(D);

impl<D: Drain> Drain for ByLevel<D> {
    type Ok = Option<D::Ok>;
    type Err = D::Err;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<Self::Ok, Self::Err> {
        if record.level().as_usize() <= LEVEL.load(Ordering::Relaxed) {
            self.0.log(record, values).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// The logger, and what writes its last lines when it is dropped. An empty file name is standard output.
pub fn start(file: &str, level: LogLevel) -> std::io::Result<(Logger, slog_async::AsyncGuard)> {
    set_level(level);
    let drain: Box<dyn Drain<Ok = (), Err = slog::Never> + Send> = if file.is_empty() {
        if std::io::stdout().is_terminal() {
            let decorator = slog_term::TermDecorator::new().stdout().build();
            Box::new(slog_term::FullFormat::new(decorator).build().fuse())
        } else {
            let decorator = slog_term::PlainDecorator::new(std::io::stdout());
            Box::new(slog_term::FullFormat::new(decorator).use_original_order().build().fuse())
        }
    } else {
        if let Some(folder) = Path::new(file).parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
        let decorator = slog_term::PlainDecorator::new(file);
        Box::new(slog_term::FullFormat::new(decorator).use_original_order().build().fuse())
    };
    // A flood of lines must not stop a serving thread: what does not fit is dropped, and how much is said.
    let (asynchronous, guard) = slog_async::Async::new(drain)
        .chan_size(4096)
        .overflow_strategy(slog_async::OverflowStrategy::DropAndReport)
        .build_with_guard();
    Ok((Logger::root(ByLevel(asynchronous.fuse()).fuse(), slog::o!()), guard))
}
