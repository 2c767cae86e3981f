//! CHECKPOINT: what a slave fetches of a master's checkpoint.

use super::super::help::HELP;
use super::super::*;
use crate::replication::files::{CHUNK, checksum};
use crate::server::AdminContext;

const BASE: Command = Command {
    group: Group::Server,
    flags: Flags::ADMIN.and(Flags::NOSCRIPT).and(Flags::PIKA).and(Flags::NO_MULTI).and(Flags::SKIP_SLOWLOG),
    since: "pika 4.0",
    complexity: "O(N) where N is the number of bytes in the answer.",
    ..Command::BASE
};

/// The row of CHECKPOINT.
pub(super) const CHECKPOINT: Command = Command {
    name: "checkpoint",
    summary: "What a slave fetches of a master's checkpoint.",
    arity: Arity::AtLeast(2),
    run: Run::Container,
    subcommands: &[
        Command { group: Group::Server, since: "pika 4.0", ..HELP },
        Command {
            name: "list",
            syntax: "checkpoint-id",
            summary: "Lists the files of a checkpoint: names, sizes, and checksums.",
            arity: Arity::Exactly(3),
            run: Run::Apart(list),
            ..BASE
        },
        Command {
            name: "read",
            syntax: "checkpoint-id file-name offset length",
            summary: "Reads a part of a file of a checkpoint: its crc32c, and its bytes.",
            arity: Arity::Exactly(6),
            run: Run::Apart(read),
            ..BASE
        },
    ],
    ..BASE
};

fn text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

fn list(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let list = cx.server.checkpoint_list(&text(args.word(2))).map_err(Stop::error)?;
    cx.reply.bulk(&list);
    Ok(())
}

fn read(cx: &mut AdminContext<'_>, args: Args<'_>) -> RunResult {
    let number = |at| match args.integer(at) {
        Ok(number) => {
            u64::try_from(number).map_err(|_| Stop::error("ERR value is out of range, must be positive"))
        }
        Err(stop) => Err(stop),
    };
    let (offset, length) = (number(4)?, number(5)?.min(CHUNK));
    let (name, file) = (text(args.word(2)), text(args.word(3)));
    let bytes = cx.server.checkpoint_read(&name, &file, offset, length).map_err(Stop::error)?;
    cx.reply.array(2);
    cx.reply.integer(i64::from(checksum(&bytes)));
    cx.reply.bulk(&bytes);
    Ok(())
}
