//! LPOS.

use super::elements::symmetric_integer;
use crate::commands::args::{Args, syntax_error};
use crate::commands::{Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::number::parse_i64;
use crate::types::list::List;

pub(super) fn lpos(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let (mut rank, mut count, mut most) = (1, None, 0);
    let mut word = 3;
    while word < args.len() {
        if word + 1 == args.len() {
            return Err(syntax_error());
        }
        let natural = |error: &'static str| {
            let number = parse_i64(args.word(word + 1)).and_then(|number| u64::try_from(number).ok());
            number.ok_or_else(|| Stop::error(error))
        };
        let option = args.word(word);
        if option.eq_ignore_ascii_case(b"RANK") {
            rank = symmetric_integer(args, word + 1)?;
            if rank == 0 {
                return Err(Stop::error(
                    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                     negative to start from the end of the list",
                ));
            }
        } else if option.eq_ignore_ascii_case(b"COUNT") {
            count = Some(natural("ERR COUNT can't be negative")?);
        } else if option.eq_ignore_ascii_case(b"MAXLEN") {
            most = natural("ERR MAXLEN can't be negative")?;
        } else {
            return Err(syntax_error());
        }
        word += 2;
    }
    let entry = cx.txn.lookup(args.word(1))?;
    let wanted = match count {
        None => 1,
        Some(0) => u64::MAX,
        Some(count) => count,
    };
    let most = if most == 0 { u64::MAX } else { most };
    let (mut skipped, mut found) = (rank.unsigned_abs() - 1, Vec::new());
    List::open(&entry)?.find(&mut cx.txn, args.word(2), rank < 0, most, |index| {
        if skipped > 0 {
            skipped -= 1;
            return true;
        }
        found.push(index);
        (found.len() as u64) < wanted
    })?;
    match (count, found.first()) {
        (Some(_), _) => {
            cx.reply.array(found.len());
            found.iter().for_each(|&index| cx.reply.integer(index as i64));
        }
        (None, Some(&index)) => cx.reply.integer(index as i64),
        (None, None) => cx.reply.null(),
    }
    Ok(())
}
