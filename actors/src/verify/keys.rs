//! The other side of a comparison, if it is no Pika: its keys are read, with DUMP and PEXPIRETIME.
//!
//! It has no moments to keep. But a transaction that reads some keys and then INFO replication tells what they held at
//! one offset.

use pika_core::rdb::dump;
use pika_core::replication::ReplicationId;
use pika_core::replication::verify::{Key, hash};

use crate::slave::client::{Answer, Client};

fn fail(error: std::io::Error) -> String {
    error.to_string()
}

/// Selects a database; false: there is none of this number.
pub(super) fn select(client: &mut Client, database: usize) -> Result<bool, String> {
    let number = database.to_string();
    let answer = client.call(&[b"SELECT", number.as_bytes()]).map_err(fail)?;
    Ok(matches!(answer, Answer::Simple(_)))
}

/// The next keys of the selected database, and the cursor behind them.
pub(super) fn scan(client: &mut Client, cursor: &[u8]) -> Result<(Vec<u8>, Vec<Vec<u8>>), String> {
    let answer = client.call(&[b"SCAN", cursor, b"COUNT", b"1000"]).map_err(fail)?;
    let parts = match answer {
        Answer::Array(parts) => <[Answer; 2]>::try_from(parts).map_err(|_| "SCAN is answered oddly")?,
        other => return Err(format!("SCAN is answered {other:?}")),
    };
    let [Answer::Bulk(Some(cursor)), Answer::Array(keys)] = parts else {
        return Err("SCAN is answered oddly".into());
    };
    let keys = keys.into_iter().filter_map(|key| if let Answer::Bulk(key) = key { key } else { None });
    Ok((cursor, keys.collect()))
}

fn send_reads(client: &mut Client, keys: &[Key]) -> Result<(), String> {
    for key in keys {
        client.send(&[b"SELECT", key.database.to_string().as_bytes()]).map_err(fail)?;
        client.send(&[b"DUMP", &key.name]).map_err(fail)?;
        client.send(&[b"PEXPIRETIME", &key.name]).map_err(fail)?;
    }
    Ok(())
}

fn understand(key: &Key, answers: [Answer; 3]) -> Result<Option<u128>, String> {
    match answers {
        // A database that is not there has no keys.
        [Answer::Error(_), ..] | [_, Answer::Bulk(None), _] => Ok(None),
        [_, Answer::Bulk(Some(bytes)), Answer::Integer(at_ms)] => {
            let content = dump::open(&bytes).ok_or("DUMP is answered with what cannot be read")?;
            let value = dump::decode(content, u64::MAX).map_err(|error| error.to_string())?;
            Ok(Some(hash(key.database, &key.name, u64::try_from(at_ms).ok(), &value)))
        }
        [_, one, other] => Err(format!("DUMP and PEXPIRETIME are answered {one:?} and {other:?}")),
    }
}

/// The hashes of keys there, one read after the other; `None` for what is not there.
///
/// # Errors
/// For the operator.
pub(super) fn read(client: &mut Client, keys: &[Key]) -> Result<Vec<Option<u128>>, String> {
    send_reads(client, keys)?;
    let one = |key: &Key| {
        let answers =
            [client.answer().map_err(fail)?, client.answer().map_err(fail)?, client.answer().map_err(fail)?];
        understand(key, answers)
    };
    keys.iter().map(one).collect()
}

/// The hashes of keys at one moment, and its history and offset.
///
/// # Errors
/// For the operator.
#[expect(clippy::type_complexity, reason = "what `agree` takes")]
pub(super) fn read_at_once(
    client: &mut Client,
    keys: &[Key],
) -> Result<(Vec<Option<u128>>, Option<(ReplicationId, u64)>), String> {
    client.send(&[b"MULTI"]).map_err(fail)?;
    send_reads(client, keys)?;
    client.send(&[b"INFO", b"replication"]).map_err(fail)?;
    client.send(&[b"EXEC"]).map_err(fail)?;
    // OK, and QUEUED for each; an error among them is told by EXEC too.
    for _ in 0..keys.len() * 3 + 2 {
        client.answer().map_err(fail)?;
    }
    let Answer::Array(answers) = client.answer().map_err(fail)? else {
        return Err("the other server does not run DUMP, PEXPIRETIME and INFO in a transaction".into());
    };
    let mut answers = answers.into_iter();
    let mut there = Vec::with_capacity(keys.len());
    for key in keys {
        let mut next = || answers.next().ok_or("a transaction is answered with too little");
        there.push(understand(key, [next()?, next()?, next()?])?);
    }
    let position = match answers.next() {
        Some(Answer::Bulk(Some(text))) => position_in(&String::from_utf8_lossy(&text)),
        _ => None,
    };
    Ok((there, position))
}

/// History and offset, from INFO replication.
fn position_in(info: &str) -> Option<(ReplicationId, u64)> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let id = ReplicationId::parse(field("master_replid")?.trim().as_bytes())?;
    Some((id, field("master_repl_offset")?.trim().parse().ok()?))
}

/// The code of the libraries of functions there; `None` if it tells none.
pub(super) fn functions(client: &mut Client) -> Option<Vec<Vec<u8>>> {
    let Answer::Array(libraries) = client.call(&[b"FUNCTION", b"LIST", b"WITHCODE"]).ok()? else {
        return None;
    };
    let code = |library: Answer| {
        let Answer::Array(fields) = library else { return None };
        let at = fields.iter().position(|field| *field == Answer::Bulk(Some(b"library_code".to_vec())))?;
        match fields.into_iter().nth(at + 1)? {
            Answer::Bulk(code) => code,
            _ => None,
        }
    };
    libraries.into_iter().map(code).collect()
}
