//! Answers of as many elements as a walk shows.

use super::{Context, RunResult};
use crate::keyspace::transaction::{Stop, Transaction};
use crate::resp::Reply;

/// What the elements make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Array,
    Set,
    /// Each element is two words.
    Map,
}

impl Whole {
    fn begin(self, reply: &mut Reply, len: usize) {
        match self {
            Whole::Array => reply.array(len),
            Whole::Set => reply.set(len),
            Whole::Map => reply.map(len),
        }
    }
}

/// Sees one element after the other, as words, until it returns false.
pub(super) type See<'a> = dyn FnMut(&[&[u8]]) -> bool + 'a;

/// Answers all that `walk` shows: each time the same, and as many elements as `known` says.
///
/// If nobody knows how many they are, their number is written when all have been shown. Where pieces of the reply leave
/// before that, they are counted first, in a walk of their own; after it nothing can be missing any more.
pub(super) fn show_all(
    cx: &mut Context<'_, '_>,
    whole: Whole,
    known: Option<usize>,
    mut walk: impl FnMut(&mut Transaction<'_>, &mut See<'_>) -> Result<(), Stop>,
) -> RunResult {
    let mut shown = 0;
    let mut known = known;
    if known.is_none() && cx.reply.leaves() {
        walk(&mut cx.txn, &mut |_| {
            shown += 1;
            true
        })?;
        known = Some(std::mem::take(&mut shown));
    }
    let mark = match known {
        Some(len) => {
            whole.begin(cx.reply, len);
            None
        }
        None => Some(cx.reply.deferred()),
    };
    let reply = &mut *cx.reply;
    let final_so_far = known.is_some();
    walk(&mut cx.txn, &mut |words| {
        words.iter().for_each(|word| reply.bulk(word));
        shown += 1;
        if final_so_far {
            reply.may_leave();
        }
        true
    })?;
    debug_assert!(known.is_none_or(|known| known == shown), "{known:?} elements were announced, not {shown}");
    if let Some(mark) = mark {
        match whole {
            Whole::Array => cx.reply.set_array_len(mark, shown),
            Whole::Set => cx.reply.set_set_len(mark, shown),
            Whole::Map => cx.reply.set_map_len(mark, shown),
        }
    }
    Ok(())
}
