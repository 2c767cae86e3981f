//! Where a command runs. No command is named here: its row says.

use pika_core::commands::spec::{Command, Queue, Run};
use pika_core::commands::{Args, generic};
use pika_core::keyspace::slot;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// In one partition.
    Partition(usize),
    /// In all partitions at once.
    All,
    /// In the connection.
    Session,
    /// In the connection, about its transaction.
    Queue(Queue),
    /// In the admin actor.
    Admin,
}

/// The route of a command whose name and number of words were checked.
pub fn route(command: &Command, args: Args<'_>, partitions: usize) -> Route {
    match command.run {
        Run::Session(_) | Run::Container => Route::Session,
        Run::Queue(what) => Route::Queue(what),
        Run::Admin(_) | Run::Apart(_) => Route::Admin,
        _ if partitions == 1 => Route::Partition(0),
        Run::All(_) => Route::All,
        Run::Cursor(word, _) => Route::Partition(generic::cursor_partition(args.word(word), partitions)),
        Run::Keys(_) | Run::Watch(_) | Run::Script(_) => {
            if command.names_unknown_keys(args) {
                return Route::All;
            }
            let mut owners =
                command.keys_of(args).map(|key| slot::partition_of(slot::of_key(key), partitions));
            let first = owners.next().unwrap_or(0);
            if owners.all(|owner| owner == first) { Route::Partition(first) } else { Route::All }
        }
    }
}
