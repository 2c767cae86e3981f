//! XGROUP. To who watches a stream, its groups are no part of it, as in Redis.

use super::options::{id, invalid_id, no_group_of};
use crate::commands::args::{Args, not_an_integer, wrong_subcommand};
use crate::commands::{Context, RunResult};
use crate::config::Events;
use crate::keyspace::transaction::{Entry, Stop};
use crate::number::parse_i64;
use crate::types::stream::{Group, Stream, StreamId, UNKNOWN_READ};

/// The options of CREATE and SETID.
struct Options {
    make_stream: bool,
    read: i64,
}

fn options(args: Args<'_>, is_create: bool) -> Result<Options, Stop> {
    let mut options = Options { make_stream: false, read: UNKNOWN_READ };
    let mut words = args.cursor(5);
    while words.left() > 0 {
        if is_create && words.eat("MKSTREAM") {
            options.make_stream = true;
        } else if words.left() > 1 && words.eat("ENTRIESREAD") {
            options.read = parse_i64(words.word()?).ok_or_else(not_an_integer)?;
            if options.read < 0 && options.read != UNKNOWN_READ {
                return Err(Stop::error("ERR value for ENTRIESREAD must be positive or -1"));
            }
        } else {
            return Err(wrong_subcommand(args));
        }
    }
    Ok(options)
}

/// The stream at word 2, which has to be there.
fn existing(cx: &mut Context<'_, '_>, args: Args<'_>) -> Result<Stream, Stop> {
    let entry = cx.txn.entry(args.word(2))?;
    Stream::open(&entry)?.ok_or_else(missing)
}

fn missing() -> Stop {
    Stop::error(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
         MKSTREAM option to create an empty stream automatically.",
    )
}

/// The stream at word 2 and its group at word 3, which have to be there.
fn existing_group(cx: &mut Context<'_, '_>, args: Args<'_>) -> Result<(Stream, Group), Stop> {
    let stream = existing(cx, args)?;
    match stream.group(&mut cx.txn, args.word(3))? {
        Some(group) => Ok((stream, group)),
        None => Err(no_group_of(args.word(2), args.word(3))),
    }
}

pub(super) fn create(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    const MOST_WORDS: usize = 8;
    let options = options(args, true)?;
    let entry: Entry = cx.txn.entry(args.word(2))?;
    let found = Stream::open(&entry)?;
    if found.is_none() && !options.make_stream {
        return Err(missing());
    }
    if args.len() > MOST_WORDS {
        return Err(wrong_subcommand(args));
    }
    let last = match args.word(4) {
        b"$" => found.as_ref().map_or(StreamId::ZERO, |stream| stream.head.last),
        word => id(word)?,
    };
    let is_new = found.is_none();
    let mut stream = Stream::open_or_create(&mut cx.txn, &entry)?;
    if stream.group(&mut cx.txn, args.word(3))?.is_some() {
        return Err(Stop::error("BUSYGROUP Consumer Group name already exists"));
    }
    stream.create_group(&mut cx.txn, args.word(3), last, options.read);
    stream.save(&mut cx.txn)?;
    if !is_new {
        cx.txn.spare_watches();
    }
    cx.txn.notify(Events::STREAM, "xgroup-create", stream.entry());
    cx.reply.ok();
    Ok(())
}

pub(super) fn setid(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let options = options(args, false)?;
    let (stream, group) = existing_group(cx, args)?;
    if !matches!(args.len(), 5 | 7) {
        return Err(wrong_subcommand(args));
    }
    let last = match args.word(4) {
        b"$" => stream.head.last,
        word => StreamId::parse_bound(word, 0).ok_or_else(invalid_id)?,
    };
    let group = Group { last, read: options.read, ..group };
    stream.put_group(&mut cx.txn, args.word(3), &group);
    cx.txn.spare_watches();
    cx.txn.add_changes(1);
    cx.txn.notify(Events::STREAM, "xgroup-setid", stream.entry());
    cx.reply.ok();
    Ok(())
}

pub(super) fn destroy(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut stream = existing(cx, args)?;
    let group = stream.group(&mut cx.txn, args.word(3))?;
    if let Some(group) = &group {
        stream.destroy_group(&mut cx.txn, args.word(3), group)?;
        stream.save(&mut cx.txn)?;
        cx.txn.spare_watches();
        cx.txn.notify(Events::STREAM, "xgroup-destroy", stream.entry());
    }
    cx.reply.integer(i64::from(group.is_some()));
    Ok(())
}

pub(super) fn createconsumer(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (stream, mut group) = existing_group(cx, args)?;
    let name = args.word(4);
    let known = stream.consumer(&mut cx.txn, &group, name)?.is_some();
    if !known {
        let mut roster = crate::types::stream::Roster::default();
        roster.meet(&mut cx.txn, &stream, &mut group, name)?;
        roster.save(&mut cx.txn, &stream, &group);
        stream.put_group(&mut cx.txn, args.word(3), &group);
        cx.txn.spare_watches();
        cx.txn.add_changes(1);
        cx.txn.notify(Events::STREAM, "xgroup-createconsumer", stream.entry());
    }
    cx.reply.integer(i64::from(!known));
    Ok(())
}

pub(super) fn delconsumer(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (stream, mut group) = existing_group(cx, args)?;
    let name = args.word(4);
    let consumer = stream.consumer(&mut cx.txn, &group, name)?;
    if let Some(consumer) = &consumer {
        stream.remove_consumer(&mut cx.txn, &mut group, name, consumer)?;
        stream.put_group(&mut cx.txn, args.word(3), &group);
        cx.txn.spare_watches();
        cx.txn.add_changes(1);
        cx.txn.notify(Events::STREAM, "xgroup-delconsumer", stream.entry());
    }
    cx.reply.integer(consumer.map_or(0, |consumer| consumer.pending as i64));
    Ok(())
}
