//! The other side of a comparison, if it is a Pika: it keeps a moment, and is asked about it.

use pika_core::replication::ReplicationId;
use pika_core::replication::snapshot::Snapshot;
use pika_core::replication::verify::bisect::{Answer, Question, Side};
use pika_core::replication::verify::{Found, Key, decode_sums};
use pika_core::server::Moment;

use super::is_stopped;
use crate::slave::client::{self, Client};
use crate::state::State;

/// Keys that are looked at in one request.
const AT_ONCE: usize = 256;

/// Has the other server keep a moment.
///
/// # Errors
/// For the operator.
pub(super) fn open(client: &mut Client) -> Result<Moment, String> {
    let answer = client.call(&[b"VERIFY", b"OPEN"]).map_err(|error| error.to_string())?;
    read_moment(answer)
}

fn read_moment(answer: client::Answer) -> Result<Moment, String> {
    use client::Answer::{Array, Bulk, Error, Integer};
    let parts = match answer {
        Array(parts) => parts,
        Error(text) => return Err(format!("the other server keeps no moment: {text}")),
        other => return Err(format!("VERIFY OPEN is answered {other:?}")),
    };
    let read = || -> Option<Moment> {
        let [Bulk(Some(name)), Bulk(Some(id)), Bulk(Some(offset)), Integer(databases), Bulk(Some(functions))] =
            &parts[..]
        else {
            return None;
        };
        Some(Moment {
            name: std::str::from_utf8(name).ok()?.into(),
            id: ReplicationId::parse(id)?,
            offset: std::str::from_utf8(offset).ok()?.parse().ok()?,
            databases: usize::try_from(*databases).ok()?,
            functions: u128::from_be_bytes(functions.as_slice().try_into().ok()?),
        })
    };
    read().ok_or_else(|| "VERIFY OPEN is answered oddly".into())
}

/// Lets go of a moment.
pub(super) fn close(client: &mut Client, moment: &Moment) {
    // If this fails, it goes by itself.
    let _ = client.call(&[b"VERIFY", b"CLOSE", moment.name.as_bytes()]);
}

/// The hashes of keys at a moment.
///
/// # Errors
/// For the operator.
pub(super) fn look(client: &mut Client, moment: &Moment, keys: &[Key]) -> Result<Vec<Option<u128>>, String> {
    let mut found = Vec::with_capacity(keys.len());
    for part in keys.chunks(AT_ONCE) {
        let databases: Vec<String> = part.iter().map(|key| key.database.to_string()).collect();
        let mut words: Vec<&[u8]> = vec![b"VERIFY", b"LOOK", moment.name.as_bytes()];
        for (key, database) in part.iter().zip(&databases) {
            words.extend([database.as_bytes(), &key.name[..]]);
        }
        match client.call(&words).map_err(|error| error.to_string())? {
            client::Answer::Array(hashes) if hashes.len() == part.len() => {
                for hash in hashes {
                    found.push(match hash {
                        client::Answer::Bulk(None) => None,
                        client::Answer::Bulk(Some(bytes)) => Some(number(&bytes)?),
                        other => return Err(format!("VERIFY LOOK is answered {other:?}")),
                    });
                }
            }
            other => return Err(format!("VERIFY LOOK is answered {other:?}")),
        }
    }
    Ok(found)
}

fn number(bytes: &[u8]) -> Result<u128, String> {
    bytes.try_into().map(u128::from_be_bytes).map_err(|_| "a hash has another length".to_string())
}

/// The other server's moment, as a side of a comparison.
pub(super) struct There<'a> {
    pub(super) client: &'a mut Client,
    pub(super) moment: &'a Moment,
    pub(super) asked: Option<Question>,
}

impl Side for There<'_> {
    fn ask(&mut self, question: &Question) -> Result<(), String> {
        let (subcommand, span, parts): (&[u8], _, _) = match question {
            Question::Sums(span, parts) => (b"SUMS", span, Some(parts.to_string())),
            Question::Names(span) => (b"NAMES", span, None),
        };
        let (from, to) = (span.from.to_string(), span.to.to_string());
        let mut words: Vec<&[u8]> =
            vec![b"VERIFY", subcommand, self.moment.name.as_bytes(), from.as_bytes(), to.as_bytes()];
        words.extend(parts.as_ref().map(|parts| parts.as_bytes()));
        self.asked = Some(*question);
        self.client.send(&words).map_err(|error| error.to_string())
    }

    fn answer(&mut self) -> Result<Answer, String> {
        let answer = self.client.answer().map_err(|error| error.to_string())?;
        match (self.asked.take(), answer) {
            (_, client::Answer::Error(text)) => Err(format!("the other server: {text}")),
            (Some(Question::Sums(..)), client::Answer::Bulk(Some(bytes))) => {
                let sums = decode_sums(&bytes).ok_or("VERIFY SUMS is answered oddly")?;
                Ok(Answer::Sums(sums))
            }
            (Some(Question::Names(_)), client::Answer::Array(parts)) => {
                let mut names = Vec::with_capacity(parts.len() / 3);
                for part in parts.chunks(3) {
                    let [
                        client::Answer::Integer(database),
                        client::Answer::Bulk(Some(name)),
                        client::Answer::Bulk(Some(hash)),
                    ] = part
                    else {
                        return Err("VERIFY NAMES is answered oddly".into());
                    };
                    let database = usize::try_from(*database).map_err(|error| error.to_string())?;
                    names.push(Found { key: Key { database, name: name.clone() }, hash: number(hash)? });
                }
                Ok(Answer::Names(names))
            }
            _ => Err("the other server answers what it was not asked".into()),
        }
    }
}

/// This server's moment, as a side of a comparison.
pub(super) struct Here<'a> {
    pub(super) state: &'a std::sync::Arc<State>,
    pub(super) moment: &'a Snapshot,
    pub(super) asked: Option<Question>,
}

impl Side for Here<'_> {
    fn ask(&mut self, question: &Question) -> Result<(), String> {
        self.asked = Some(*question);
        Ok(())
    }

    fn answer(&mut self) -> Result<Answer, String> {
        let question = self.asked.take().ok_or("nothing was asked")?;
        let answer = self.moment.answer(&question, &mut || !is_stopped(self.state));
        answer.map_err(|error| error.to_string())?.ok_or_else(|| "it was stopped".to_string())
    }
}
