//! XLEN, XRANGE, XREVRANGE, XREAD.

use super::options::{id, span};
use crate::commands::args::{Args, not_an_integer, syntax_error};
use crate::commands::{Context, RunResult};
use crate::keyspace::transaction::{Block, Otherwise, Stop, Transaction};
use crate::number::parse_i64;
use crate::resp::{Protocol, Reply};
use crate::types::stream::{EntryRef, Span, Stream, StreamId};

pub(super) fn xlen(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let entry = cx.txn.lookup(args.word(1))?;
    let stream = Stream::open(&entry)?;
    cx.reply.integer(stream.map_or(0, |stream| stream.head.len as i64));
    Ok(())
}

pub(super) fn xrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let span = span(args.word(2), args.word(3))?;
    range(cx, args, span, false)
}

pub(super) fn xrevrange(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    // The end comes first, but the start is looked at first.
    let span = span(args.word(3), args.word(2))?;
    range(cx, args, span, true)
}

fn range(cx: &mut Context<'_, '_>, args: Args<'_>, span: Span, backwards: bool) -> RunResult {
    let mut count = None;
    let mut options = args.cursor(4);
    while options.left() > 0 {
        if options.left() > 1 && options.eat("COUNT") {
            count = Some(options.integer()?.max(0) as u64);
        } else {
            return Err(syntax_error());
        }
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let Some(stream) = Stream::open(&entry)? else {
        cx.reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        cx.reply.null_array();
        return Ok(());
    }
    if !cx.reply.leaves() {
        let mark = cx.reply.deferred();
        let reply = &mut *cx.reply;
        let shown = walk(&mut cx.txn, &stream, (span, backwards), count, |entry| entry.reply(reply))?;
        cx.reply.set_array_len(mark, shown as usize);
        return Ok(());
    }
    // Pieces of it leave: they are counted before, and then nothing can be missing any more.
    let found = walk(&mut cx.txn, &stream, (span, backwards), count, |_| {})?;
    let reply = &mut *cx.reply;
    reply.array(found as usize);
    walk(&mut cx.txn, &stream, (span, backwards), count, |entry| {
        entry.reply(reply);
        reply.may_leave();
    })?;
    Ok(())
}

/// Shows up to `count` entries of a part of a stream, the last one first if so wanted. How many it showed.
fn walk(
    txn: &mut Transaction<'_>,
    stream: &Stream,
    (span, backwards): (Span, bool),
    count: Option<u64>,
    mut show: impl FnMut(&EntryRef<'_>),
) -> Result<u64, Stop> {
    let mut shown = 0;
    let visit = |entry: &EntryRef<'_>| {
        show(entry);
        shown += 1;
        Some(shown) != count
    };
    match backwards {
        true => stream.entries_back(txn, span, visit)?,
        false => stream.entries(txn, span, visit)?,
    }
    Ok(shown)
}

/// The options of XREAD and XREADGROUP.
#[derive(Debug)]
pub(super) struct ReadOptions<'a> {
    /// Most entries of each stream; 0: all.
    pub count: u64,
    /// BLOCK was given: how long to wait, in ms; 0 is for ever.
    pub block_ms: Option<u64>,
    /// Group and consumer.
    pub group: Option<(&'a [u8], &'a [u8])>,
    pub no_ack: bool,
    /// The word of the first key.
    pub keys_at: usize,
    /// Number of streams.
    pub streams: usize,
}

impl<'a> ReadOptions<'a> {
    pub(super) fn read(args: Args<'a>, now_ms: u64, of_group: bool) -> Result<ReadOptions<'a>, Stop> {
        let name = if of_group { "xreadgroup" } else { "xread" };
        let mut options =
            ReadOptions { count: 0, block_ms: None, group: None, no_ack: false, keys_at: 0, streams: 0 };
        let mut words = args.cursor(1);
        while words.left() > 0 {
            let more = words.left() - 1;
            if more > 0 && words.eat("BLOCK") {
                options.block_ms = Some(timeout(words.word()?, now_ms)?);
            } else if more > 0 && words.eat("COUNT") {
                options.count = parse_i64(words.word()?).ok_or_else(not_an_integer)?.max(0) as u64;
            } else if more > 0 && words.eat("STREAMS") {
                let left = words.left();
                if !left.is_multiple_of(2) {
                    let symbol = if of_group { '>' } else { '$' };
                    return Err(Stop::error(format!(
                        "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' \
                         must be specified."
                    )));
                }
                (options.keys_at, options.streams) = (args.len() - left, left / 2);
                break;
            } else if more > 1 && words.eat("GROUP") {
                if !of_group {
                    return Err(only_of_groups("GROUP"));
                }
                options.group = Some((words.word()?, words.word()?));
            } else if words.eat("NOACK") {
                if !of_group {
                    return Err(only_of_groups("NOACK"));
                }
                options.no_ack = true;
            } else {
                return Err(syntax_error());
            }
        }
        if options.keys_at == 0 {
            return Err(syntax_error());
        }
        if of_group && options.group.is_none() {
            return Err(Stop::error("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(options)
    }

    /// The words of the keys.
    pub(super) fn keys(&self) -> std::ops::Range<usize> {
        self.keys_at..self.keys_at + self.streams
    }

    /// Waits, if BLOCK was given; else answers that there is nothing.
    pub(super) fn wait(&self, args: Args<'_>, retry: Option<Vec<Vec<u8>>>, reply: &mut Reply) -> RunResult {
        let Some(block_ms) = self.block_ms else {
            reply.null_array();
            return Ok(());
        };
        Err(Stop::Block(Box::new(Block {
            keys: self.keys().map(|at| args.word(at).to_vec()).collect(),
            timeout_ms: (block_ms > 0).then_some(block_ms),
            retry,
            otherwise: Otherwise::NullArray,
        })))
    }
}

fn only_of_groups(option: &str) -> Stop {
    Stop::error(format!("ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."))
}

/// A time to wait, in ms; it must not end past the end of time.
fn timeout(word: &[u8], now_ms: u64) -> Result<u64, Stop> {
    let value =
        parse_i64(word).ok_or_else(|| Stop::error("ERR timeout is not an integer or out of range"))?;
    let timeout_ms = u64::try_from(value).map_err(|_| Stop::error("ERR timeout is negative"))?;
    if timeout_ms > (i64::MAX as u64).saturating_sub(now_ms) {
        return Err(Stop::error("ERR timeout is out of range"));
    }
    Ok(timeout_ms)
}

/// What both commands answer: streams by their keys, in RESP3 a map.
#[derive(Debug)]
pub(super) struct Answer {
    mark: Option<crate::resp::Deferred>,
    streams: usize,
}

impl Answer {
    pub(super) fn new() -> Answer {
        Answer { mark: None, streams: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams == 0
    }

    /// Begins with the entries of one more stream.
    pub(super) fn begin(&mut self, reply: &mut Reply, key: &[u8]) {
        if self.mark.is_none() {
            self.mark = Some(reply.deferred());
        }
        self.streams += 1;
        if reply.protocol() == Protocol::Resp2 {
            reply.array(2);
        }
        reply.bulk(key);
    }

    pub(super) fn finish(self, reply: &mut Reply) {
        let Some(mark) = self.mark else { return };
        match reply.protocol() {
            Protocol::Resp2 => reply.set_array_len(mark, self.streams),
            Protocol::Resp3 => reply.set_map_len(mark, self.streams),
        }
    }
}

pub(super) fn xread(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let options = ReadOptions::read(args, cx.txn.now_ms(), false)?;
    let mut wanted = Vec::with_capacity(options.streams);
    let mut retry: Option<Vec<Vec<u8>>> = None;
    for key_at in options.keys() {
        let entry = cx.txn.lookup(args.word(key_at))?;
        let stream = Stream::open(&entry)?;
        let id_at = key_at + options.streams;
        let word = args.word(id_at);
        let last = stream.as_ref().map_or(StreamId::ZERO, |stream| stream.head.last);
        let after = match word {
            b"$" => last,
            b"+" => match &stream {
                Some(stream) => stream.last_entry(&mut cx.txn)?.and_then(StreamId::previous).unwrap_or(last),
                None => last,
            },
            b">" => {
                return Err(Stop::error(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                     <consumer> option.",
                ));
            }
            word => id(word)?,
        };
        if matches!(word, b"$" | b"+") {
            let words = retry.get_or_insert_with(|| args.words().map(<[u8]>::to_vec).collect());
            words[id_at] = after.to_string().into_bytes();
        }
        wanted.push((key_at, entry, stream, after));
    }
    let mut answer = Answer::new();
    for (key_at, entry, stream, after) in &wanted {
        // As in Redis, reading is a second look at the key.
        cx.txn.count_look(entry);
        let Some(stream) = stream else { continue };
        let (Some(start), true) = (after.next(), *after < stream.head.last) else { continue };
        if stream.last_entry(&mut cx.txn)?.is_none_or(|last| last < start) {
            continue;
        }
        answer.begin(cx.reply, args.word(*key_at));
        let mark = cx.reply.deferred();
        let (mut shown, reply) = (0u64, &mut *cx.reply);
        stream.entries(&mut cx.txn, Span { start, end: StreamId::MAX }, |entry| {
            entry.reply(reply);
            shown += 1;
            shown != options.count
        })?;
        cx.reply.set_array_len(mark, shown as usize);
    }
    if answer.is_empty() {
        return options.wait(args, retry, cx.reply);
    }
    answer.finish(cx.reply);
    Ok(())
}

/// The error to an id that means nothing to XREADGROUP.
pub(super) fn meaningless(word: &[u8]) -> Stop {
    let symbol = String::from_utf8_lossy(word);
    Stop::error(format!(
        "ERR The {symbol} ID is meaningless in the context of XREADGROUP: you want to read the history of this \
         consumer by specifying a proper ID, or use the > ID to get new messages. The {symbol} ID would just \
         return an empty result set."
    ))
}
