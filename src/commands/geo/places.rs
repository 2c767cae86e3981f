//! GEOADD, GEODIST, GEOHASH, GEOPOS.

use smallvec::SmallVec;

use super::words::{place, unit, write_distance, write_place};
use crate::commands::args::syntax_error;
use crate::commands::sorted_set::add::{Mode, add};
use crate::commands::{Args, Context, RunResult};
use crate::keyspace::transaction::Stop;
use crate::types::geo::Place;
use crate::types::sorted_set::SortedSet;

pub(super) fn geoadd(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let mut mode = Mode::default();
    let mut options = args.cursor(2);
    loop {
        let flag = if options.eat("NX") {
            &mut mode.only_new
        } else if options.eat("XX") {
            &mut mode.only_old
        } else if options.eat("CH") {
            &mut mode.changed
        } else {
            break;
        };
        *flag = true;
    }
    let left = options.left();
    if left == 0 || !left.is_multiple_of(3) || (mode.only_new && mode.only_old) {
        return Err(syntax_error());
    }
    let mut pairs = SmallVec::<[(f64, &[u8]); 8]>::new();
    for at in (args.len() - left..args.len()).step_by(3) {
        pairs.push((place(args, at)?.score(), args.word(at + 2)));
    }
    add(cx, args.word(1), &pairs, mode)
}

pub(super) fn geodist(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let metres = match args.len() {
        4 => 1.0,
        5 => unit(args.word(4))?,
        _ => return Err(syntax_error()),
    };
    let entry = cx.txn.lookup(args.word(1))?;
    let scores = SortedSet::open(&entry)?.scores(&mut cx.txn, args.from(2).take(2))?;
    match scores[..] {
        [Some(one), Some(other)] => {
            let distance = Place::of_score(one).distance(Place::of_score(other));
            write_distance(cx.reply, distance / metres);
        }
        _ => cx.reply.null(),
    }
    Ok(())
}

pub(super) fn geohash(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let places = places(cx, args)?;
    cx.reply.array(places.len());
    for place in places {
        match place {
            Some(place) => cx.reply.bulk(&place.letters()),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

pub(super) fn geopos(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    let places = places(cx, args)?;
    cx.reply.array(places.len());
    for place in places {
        match place {
            Some(place) => write_place(cx.reply, place),
            None => cx.reply.null_array(),
        }
    }
    Ok(())
}

/// The places of the members that a command names.
fn places(cx: &mut Context<'_, '_>, args: Args<'_>) -> Result<Vec<Option<Place>>, Stop> {
    let entry = cx.txn.lookup(args.word(1))?;
    let scores = SortedSet::open(&entry)?.scores(&mut cx.txn, args.from(2))?;
    Ok(scores.into_iter().map(|score| score.map(Place::of_score)).collect())
}
