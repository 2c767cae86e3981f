//! What the arguments of stream commands have in common: ids, intervals, trimming.

use crate::commands::args::{Args, not_an_integer, syntax_error};
use crate::commands::{Context, Settings};
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::parse_i64;
use crate::types::stream::{Group, Keep, NewId, Span, Stream, StreamId, Trim};

pub(super) fn invalid_id() -> Stop {
    Stop::error("ERR Invalid stream ID specified as stream command argument")
}

/// An id, not `-` or `+`; a missing number is 0.
pub(super) fn id(word: &[u8]) -> Result<StreamId, Stop> {
    StreamId::parse(word, 0).ok_or_else(invalid_id)
}

/// The ids from word `first` on.
pub(super) fn ids(args: Args<'_>, first: usize) -> Result<Vec<StreamId>, Stop> {
    args.from(first).map(id).collect()
}

/// The start of an interval: an id, `-` or `+`, or, behind `(`, an id that is not in it.
pub(super) fn start(word: &[u8]) -> Result<StreamId, Stop> {
    match bound(word, 0)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or_else(|| Stop::error("ERR invalid start ID for the interval")),
    }
}

/// The end of an interval, as [`start`]; of an ms alone, all ids are in it.
pub(super) fn end(word: &[u8]) -> Result<StreamId, Stop> {
    match bound(word, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id.previous().ok_or_else(|| Stop::error("ERR invalid end ID for the interval")),
    }
}

/// Both.
pub(super) fn span(first: &[u8], last: &[u8]) -> Result<Span, Stop> {
    Ok(Span { start: start(first)?, end: end(last)? })
}

/// An id, and whether it is excluded.
fn bound(word: &[u8], missing_seq: u64) -> Result<(StreamId, bool), Stop> {
    let (id, excluded) = match word {
        [b'(', rest @ ..] if !rest.is_empty() => (StreamId::parse(rest, missing_seq), true),
        word => (StreamId::parse_bound(word, missing_seq), false),
    };
    id.map(|id| (id, excluded)).ok_or_else(invalid_id)
}

/// `NOGROUP`, of commands that need key and group; `of` goes behind it.
pub(super) fn no_group(key: &[u8], group: &[u8], of: &str) -> Stop {
    Stop::quoting(&[b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'", of.as_bytes()])
}

/// `NOGROUP`, of commands whose key is there.
pub(super) fn no_group_of(key: &[u8], group: &[u8]) -> Stop {
    Stop::quoting(&[b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"])
}

/// The stream at word 1 and its group at word 2; `None` if one is missing.
pub(super) fn stream_and_group(
    cx: &mut Context<'_, '_>,
    args: Args<'_>,
) -> Result<Option<(Stream, Group)>, Stop> {
    let entry = cx.txn.lookup(args.word(1))?;
    group_in(cx, &entry, args)
}

/// The stream that a look at a key found, and its group at word 2; `None` if one is missing.
pub(super) fn group_in(
    cx: &mut Context<'_, '_>,
    entry: &Entry,
    args: Args<'_>,
) -> Result<Option<(Stream, Group)>, Stop> {
    let Some(stream) = Stream::open(entry)? else { return Ok(None) };
    let group = stream.group(&mut cx.txn, args.word(2))?;
    Ok(group.map(|group| (stream, group)))
}

/// The options of XADD before its fields, or of XTRIM.
#[derive(Debug)]
pub(super) struct AddOptions {
    pub trim: Option<Trim>,
    /// NOMKSTREAM.
    pub only_existing: bool,
    pub id: NewId,
    /// Where the id stands; the number of words if there is none.
    pub id_at: usize,
}

/// Reads them.
pub(super) fn add_options(args: Args<'_>, is_add: bool, settings: &Settings) -> Result<AddOptions, Stop> {
    let mut keep = None;
    let (mut whole_nodes, mut limit, mut only_existing, mut id) = (false, None, false, NewId::Auto);
    let mut at = 2;
    while at < args.len() {
        let (word, more) = (args.word(at), args.len() - 1 - at);
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if more > 0 && (is("MAXLEN") || is("MINID")) {
            if keep.is_some() {
                return Err(Stop::error(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                ));
            }
            whole_nodes = more > 1 && args.word(at + 1) == b"~";
            at += 1 + usize::from(whole_nodes || (more > 1 && args.word(at + 1) == b"="));
            keep = Some(threshold(args.word(at), is("MAXLEN"))?);
        } else if more > 0 && is("LIMIT") {
            at += 1;
            limit = Some(at_least_zero(args.word(at), "LIMIT")?);
        } else if is_add && is("NOMKSTREAM") {
            only_existing = true;
        } else if is_add {
            id = NewId::parse(word).ok_or_else(invalid_id)?;
            break;
        } else {
            return Err(syntax_error());
        }
        at += 1;
    }
    if limit.is_some_and(|limit| limit != 0) && keep.is_none() {
        return Err(Stop::error(
            "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
        ));
    }
    if !is_add && keep.is_none() {
        return Err(Stop::error("ERR syntax error, XTRIM must be called with a trimming strategy"));
    }
    if limit.is_some() && !whole_nodes {
        return Err(Stop::error("ERR syntax error, LIMIT cannot be used without the special ~ option"));
    }
    let limit = match limit {
        Some(limit) => limit,
        None if whole_nodes => usual_limit(settings),
        None => 0,
    };
    let trim = keep.map(|keep| Trim { keep, whole_nodes, limit });
    Ok(AddOptions { trim, only_existing, id, id_at: at })
}

fn threshold(word: &[u8], is_length: bool) -> Result<Keep, Stop> {
    if is_length { Ok(Keep::Last(at_least_zero(word, "MAXLEN")?)) } else { Ok(Keep::From(id(word)?)) }
}

fn at_least_zero(word: &[u8], name: &str) -> Result<u64, Stop> {
    let value = parse_i64(word).ok_or_else(not_an_integer)?;
    u64::try_from(value).map_err(|_| Stop::error(format!("ERR The {name} argument must be >= 0.")))
}

/// How many entries `~` removes at most if LIMIT does not say: a hundred nodes, within reason.
fn usual_limit(settings: &Settings) -> u64 {
    const NODES: u64 = 100;
    const MOST: u64 = 1_000_000;
    match settings.stream_node_max_entries {
        0 => 10_000,
        entries => entries.saturating_mul(NODES).min(MOST),
    }
}
