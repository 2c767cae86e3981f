//! PFDEBUG.

use std::borrow::Cow;
use std::fmt::Write;

use super::{corrupt, open, put};
use crate::commands::{Args, Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::types::hyperloglog::{self, Form, HEADER, REGISTERS, dense, sparse};

pub(super) fn pfdebug(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut entry = cx.txn.entry(args.word(2))?;
    let Some(mut value) = open(cx, &entry)?.map(Cow::into_owned) else {
        return Err(Stop::error("ERR The specified key does not exist"));
    };
    let is_sparse = hyperloglog::form(&value) == Some(Form::Sparse);
    let subcommand = args.word(1).to_ascii_lowercase();
    match subcommand.as_slice() {
        b"getreg" | b"todense" => {
            if hyperloglog::make_dense(&mut value).map_err(corrupt)? {
                put(cx, &mut entry, &value)?;
            }
            if subcommand == b"todense" {
                cx.reply.integer(i64::from(is_sparse));
            } else {
                cx.reply.array(REGISTERS);
                dense::each(&value[HEADER..], |_, number| cx.reply.integer(i64::from(number)));
            }
        }
        b"decode" if is_sparse => cx.reply.bulk_text(&decoded(&value[HEADER..])),
        b"decode" => return Err(Stop::error("ERR HLL encoding is not sparse")),
        b"encoding" => cx.reply.simple(if is_sparse { "sparse" } else { "dense" }),
        _ => {
            return Err(Stop::quoting(&[b"ERR Unknown PFDEBUG subcommand '", args.word(1), b"'"]));
        }
    }
    Ok(())
}

/// The runs as text: `z:` and `Z:` zeros in one and in two bytes, `v:` a number and how many registers hold it.
fn decoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in sparse::runs(bytes) {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = match (run.number, run.bytes) {
            (0, 1) => write!(text, "{separator}z:{}", run.length),
            (0, _) => write!(text, "{separator}Z:{}", run.length),
            (number, _) => write!(text, "{separator}v:{number},{}", run.length),
        };
    }
    text
}
