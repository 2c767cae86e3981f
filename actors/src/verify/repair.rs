//! What differs comes anew through the master's stream: the master writes each key once more, as it is, in a transaction
//! that does nothing if it changes meanwhile. So every slave gets it, in its place in the stream and in every log.

use std::collections::BTreeSet;

use pika_core::replication::verify::Key;

use super::show;
use crate::slave::client::{Answer, Client};

/// How often it is tried with a key that changes all the time.
const TRIES: usize = 10;
/// Why keys could not be written, at most so many.
const MOST_FAILURES: usize = 5;

/// Has the master write keys once more. Returns why that failed with some of them.
///
/// # Errors
/// The connection's, and what `check` says.
pub(super) fn repair(
    client: &mut Client,
    keys: &BTreeSet<Key>,
    check: &mut dyn FnMut() -> Result<(), String>,
) -> Result<Vec<String>, String> {
    let mut failures = Vec::new();
    let mut database = None;
    for key in keys {
        check()?;
        if database != Some(key.database) {
            call(client, &[b"SELECT", key.database.to_string().as_bytes()])?;
            database = Some(key.database);
        }
        match write(client, key) {
            Ok(()) => {}
            Err(Failure::Refused(why)) if failures.len() < MOST_FAILURES => {
                failures.push(format!("{}: {why}", show(key)));
            }
            Err(Failure::Refused(_)) => {}
            Err(Failure::Broken(why)) => return Err(why),
        }
    }
    Ok(failures)
}

enum Failure {
    /// The connection is of no use any more.
    Broken(String),
    /// The master does not do it.
    Refused(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure::Broken(why)
    }
}

fn call(client: &mut Client, words: &[&[u8]]) -> Result<Answer, String> {
    client.call(words).map_err(|error| error.to_string())
}

fn write(client: &mut Client, key: &Key) -> Result<(), Failure> {
    for _ in 0..TRIES {
        if let Answer::Error(text) = call(client, &[b"WATCH", &key.name])? {
            return Err(Failure::Refused(text));
        }
        let (dump, at_ms) =
            match (call(client, &[b"DUMP", &key.name])?, call(client, &[b"PEXPIRETIME", &key.name])?) {
                (Answer::Bulk(dump), Answer::Integer(at_ms)) => (dump, at_ms.max(0).to_string()),
                (one, other) => {
                    call(client, &[b"UNWATCH"])?;
                    return Err(Failure::Refused(format!("{one:?} {other:?}")));
                }
            };
        call(client, &[b"MULTI"])?;
        match &dump {
            Some(dump) => {
                call(client, &[b"RESTORE", &key.name, at_ms.as_bytes(), dump, b"REPLACE", b"ABSTTL"])?;
            }
            // A key that is not there is not removed once more: so it is made first.
            None => {
                call(client, &[b"SET", &key.name, b""])?;
                call(client, &[b"DEL", &key.name])?;
            }
        }
        match call(client, &[b"EXEC"])? {
            Answer::Array(answers) => {
                let error = answers.into_iter().find_map(|answer| match answer {
                    Answer::Error(text) => Some(text),
                    _ => None,
                });
                return error.map_or(Ok(()), |text| Err(Failure::Refused(text)));
            }
            // It changed: what it is now is written.
            Answer::Bulk(None) => {}
            Answer::Error(text) => return Err(Failure::Refused(text)),
            other => return Err(Failure::Refused(format!("EXEC is answered {other:?}"))),
        }
    }
    Err(Failure::Refused("it changes all the time".into()))
}
