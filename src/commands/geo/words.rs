//! Arguments and replies that commands on places have in common.

use crate::commands::Args;
use crate::keyspace::transaction::{Stop, Transaction};
use crate::number::parse_f64;
use crate::resp::{Protocol, Reply};
use crate::types::geo::Place;
use crate::types::sorted_set::SortedSet;

/// The longitude and latitude that begin at a word.
pub(super) fn place(args: Args<'_>, at: usize) -> Result<Place, Stop> {
    let number = |at| parse_f64(args.word(at)).ok_or_else(|| Stop::error("ERR value is not a valid float"));
    let place = Place { longitude: number(at)?, latitude: number(at + 1)? };
    if place.is_valid() {
        return Ok(place);
    }
    let Place { longitude, latitude } = place;
    Err(Stop::error(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// A distance of at least 0; `error` if it is no number.
pub(super) fn length(word: &[u8], error: &'static str) -> Result<f64, Stop> {
    parse_f64(word).ok_or_else(|| Stop::error(error))
}

/// How many metres a unit has.
pub(super) fn unit(word: &[u8]) -> Result<f64, Stop> {
    const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];
    let found = UNITS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    found
        .map(|(_, metres)| *metres)
        .ok_or_else(|| Stop::error("ERR unsupported unit provided. please use M, KM, FT, MI"))
}

/// The place of a member, from which others are looked for.
pub(super) fn place_of(
    txn: &mut Transaction<'_>,
    set: &mut SortedSet<'_>,
    member: &[u8],
) -> Result<Place, Stop> {
    let score = set.score(txn, member)?;
    score.map(Place::of_score).ok_or_else(|| Stop::error("ERR could not decode requested zset member"))
}

/// Answers a distance: four digits behind the point, in both protocols as text.
pub(super) fn write_distance(reply: &mut Reply, distance: f64) {
    // Rounded after the multiplication, as Redis 7.2 and later do it.
    let scaled = (distance * 10_000.0).round_ties_even() as u64;
    reply.bulk_text(&format!("{}.{:04}", scaled / 10_000, scaled % 10_000));
}

/// Answers longitude and latitude.
pub(super) fn write_place(reply: &mut Reply, place: Place) {
    reply.array(2);
    for coordinate in [place.longitude, place.latitude] {
        let text = format!("{coordinate:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let text = if text == "-0" { "0" } else { text };
        match reply.protocol() {
            Protocol::Resp2 => reply.bulk_text(text),
            Protocol::Resp3 => reply.raw(format!(",{text}\r\n").as_bytes()),
        }
    }
}
