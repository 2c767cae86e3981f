//! Loading commands one after another: what an append-only file has.

use super::{LoadError, Loader};
use crate::commands::Args;
use crate::commands::execute::{Environment, Halt, execute};
use crate::keyspace::recovery::command_of;
use crate::keyspace::transaction::{Reach, Source};
use crate::resp::{Protocol, Reply};

impl Loader {
    /// Runs a command on keys that another server has run and logged. `now_ms` is "now" for relative times, Unix time
    /// in ms.
    ///
    /// # Errors
    /// [`LoadError::Refused`] if this server does not know it, or it is answered with an error.
    pub fn run(&mut self, database: usize, args: Args<'_>, now_ms: u64) -> Result<(), LoadError> {
        let name = || args.word(0).escape_ascii().to_string().to_ascii_lowercase();
        let refused = |error: String| LoadError::Refused { command: name(), error };
        let of = self.partition.namespaces().databases();
        if database >= of {
            return Err(LoadError::Database { number: database as u64, of });
        }
        let command = command_of(args).ok_or_else(|| refused("this version does not know it".into()))?;
        if !command.arity.accepts(args.len()) {
            return Err(refused(format!("it has {} words", args.len())));
        }
        let environment = Environment::of_nobody(now_ms, &self.settings, database);
        let mut reply = Reply::new(Protocol::Resp2);
        let source = Source::One(&mut self.partition);
        execute(command, args, source, Reach::UNBOUNDED, environment, &mut reply).map_err(
            |halt| match halt {
                Halt::Engine(error) => LoadError::Engine(error),
                other => refused(format!("{other:?}")),
            },
        )?;
        match reply.as_slice() {
            [b'-', error @ ..] => Err(refused(String::from_utf8_lossy(error).trim_end().into())),
            _ => {
                self.tally.commands += 1;
                Ok(())
            }
        }
    }
}
