//! Writes of this server that its master does not have: what is thrown away, with a full synchronisation or by fetching
//! again what differs, is kept in a file, and said.
//!
//! A slave of before that was made a master for a while, or a master whose slave took its place, has records in its log
//! that the others never got. Where its history and the master's are one up to some offset, all that it logged behind
//! is what it wrote alone.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use pika_core::binlog::Reader;
use pika_core::config::options;
use pika_core::files::Real;
use pika_core::replication::slave::Position;
use pika_core::replication::stream;

use crate::state::{State, lock, now_ms};

/// The last offset at which both had the same data; `None` if their histories have nothing in common that is known.
fn common_offset(state: &State, of: Position, told: Option<u64>) -> Option<u64> {
    let history = lock(&state.replication.history);
    let end = state.log.committed();
    let own = match history.id() == of.id {
        true => Some(end.min(of.offset)),
        false => {
            history.earlier().iter().find(|earlier| earlier.id == of.id).map(|earlier| earlier.until.min(end))
        }
    };
    // The master knows the names that this server went by before it did; this server knows its own.
    told.or(own).filter(|_| !history.is_incomplete())
}

/// Before other data takes its place, of the history that `of` names: keeps what this server wrote alone. `told` is what
/// the master says of the offset up to which both are the same. Returns how many commands that is.
///
/// # Errors
/// The file cannot be written, or the log not be read: nothing is thrown away then.
pub(super) fn keep(state: &Arc<State>, of: Position, told: Option<u64>) -> Result<u64, String> {
    let Some(common) = common_offset(state, of, told) else { return Ok(0) };
    let end = state.log.committed();
    let first = state.log.facts().oldest_offset;
    if common >= end {
        return Ok(0);
    }
    let config = state.config();
    let folder = Path::new(config.get(options::DIR));
    let name = format!("diverged-{common}-{end}.resp");
    let path = folder.join(&name);
    let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let from = common.max(first);
    let commands = write(state, &path, from, end).map_err(|error| fail(&error))?;
    if commands == 0 {
        // Heartbeats, and no more.
        return std::fs::remove_file(&path).map(|()| 0).map_err(|error| fail(&error));
    }
    let id = lock(&state.replication.history).id();
    let lost = if from > common { ", without what the log no longer has" } else { "" };
    let text = format!(
        "diverged from history {} at offset {common}: {commands} commands behind it, up to {end} of {id}, are thrown \
         away; kept in {}{lost}",
        of.id,
        path.display()
    );
    slog::error!(state.logger, "this server has writes that its master does not have: they are thrown away, and kept \
        in a file that redis-cli --pipe reads"; "file" => path.display().to_string(), "commands" => commands,
        "common-offset" => common, "end" => end, "history" => id.as_str());
    let at_s = now_ms() / 1000;
    state.following.change(|link| link.divergence = format!("{at_s}: {text}"));
    Ok(commands)
}

/// Writes the log's commands of a range as RESP. Returns how many that change data.
fn write(state: &State, path: &Path, from: u64, end: u64) -> Result<u64, Box<dyn std::error::Error>> {
    let folder = state.log.with_writer(|writer| writer.directory().to_path_buf());
    let mut reader = Reader::open(Arc::new(Real), &folder, from, end)?;
    let mut out = BufWriter::new(File::create(path)?);
    let (mut selected, mut commands) = (None, 0);
    while let Some(record) = reader.read()? {
        // A slave may have got a part of a record, whole commands, when it took this server's place.
        let skip = usize::try_from(from.saturating_sub(record.header.offset)).unwrap_or(usize::MAX);
        let Some((before, payload)) = record.payload.split_at_checked(skip) else { continue };
        let database = stream::last_selected(before).unwrap_or(usize::from(record.header.database));
        let changes = stream::changes(payload);
        if changes > 0 {
            commands += changes;
            if selected != Some(database) {
                let mut select = Vec::new();
                let number = database.to_string();
                let words: [&[u8]; 2] = [b"SELECT", number.as_bytes()];
                pika_core::keyspace::transaction::write_command(&mut select, words.into_iter());
                out.write_all(&select)?;
            }
            out.write_all(payload)?;
            selected = Some(stream::last_selected(payload).unwrap_or(database));
        }
    }
    out.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(commands)
}
