//! Commands on places: members of sorted sets whose scores are geohashes. See [`crate::types::geo`].

mod partial_sort;
mod places;
mod search;
#[cfg(test)]
mod tests;
mod words;

use super::*;

const NEAR_COST: &str = "O(N+log(M)) where N is the number of members in the cells that the area touches and M is the \
                         number of members of the sorted set.";
const STORE_TWICE: &str =
    "A destination that is given more than once is a syntax error; Redis takes the last one.";

/// Options of all commands that look for places.
macro_rules! near {
    ($area:literal, $rest:literal) => {
        concat!($area, " [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]", $rest)
    };
}

/// The commands on places, in the order of their names.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "geoadd",
        syntax: "key [NX | XX] [CH] longitude:double latitude:double member [longitude:double latitude:double member \
                 ...]",
        summary: "Gives members places, and creates the sorted set if it is not there.",
        since: "3.2.0",
        complexity: "O(log(N)) for each member given, where N is the number of members of the sorted set.",
        group: Group::Geo,
        arity: Arity::AtLeast(5),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::UPDATE)],
        run: Run::Keys(places::geoadd),
        ..Command::BASE
    },
    Command {
        name: "geodist",
        syntax: "key member1 member2 [M | KM | FT | MI]",
        summary: "Returns how far two members are from each other.",
        arity: Arity::AtLeast(4),
        run: Run::Keys(places::geodist),
        ..READ
    },
    Command {
        name: "geohash",
        syntax: "key [member ...]",
        summary: "Returns the geohashes of members as text.",
        complexity: "O(1) for each member given.",
        arity: Arity::AtLeast(2),
        run: Run::Keys(places::geohash),
        ..READ
    },
    Command {
        name: "geopos",
        syntax: "key [member ...]",
        summary: "Returns longitudes and latitudes of members.",
        complexity: "O(1) for each member given.",
        arity: Arity::AtLeast(2),
        run: Run::Keys(places::geopos),
        ..READ
    },
    Command {
        name: "georadius",
        syntax: near!(
            "key longitude:double latitude:double radius:double <M | KM | FT | MI>",
            " [STORE storekey:key | STOREDIST storedistkey:key]"
        ),
        summary: "Returns or stores the members that are not too far from a place.",
        arity: Arity::AtLeast(6),
        keys: search::GEORADIUS_KEYS,
        run: Run::Keys(search::georadius),
        deprecated: Some(("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")),
        ..RADIUS
    },
    Command {
        name: "georadius_ro",
        syntax: near!("key longitude:double latitude:double radius:double <M | KM | FT | MI>", ""),
        summary: "Returns the members that are not too far from a place.",
        since: "3.2.10",
        arity: Arity::AtLeast(6),
        run: Run::Keys(search::georadius_ro),
        deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")),
        ..NEAR
    },
    Command {
        name: "georadiusbymember",
        syntax: near!(
            "key member radius:double <M | KM | FT | MI>",
            " [STORE storekey:key | STOREDIST storedistkey:key]"
        ),
        summary: "Returns or stores the members that are not too far from one of them.",
        arity: Arity::AtLeast(5),
        keys: search::GEORADIUSBYMEMBER_KEYS,
        run: Run::Keys(search::georadiusbymember),
        deprecated: Some((
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        )),
        ..RADIUS
    },
    Command {
        name: "georadiusbymember_ro",
        syntax: near!("key member radius:double <M | KM | FT | MI>", ""),
        summary: "Returns the members that are not too far from one of them.",
        since: "3.2.10",
        arity: Arity::AtLeast(5),
        run: Run::Keys(search::georadiusbymember_ro),
        deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")),
        ..NEAR
    },
    Command {
        name: "geosearch",
        syntax: "key <FROMMEMBER member | FROMLONLAT longitude:double latitude:double> <BYRADIUS radius:double <M | KM \
                 | FT | MI> | BYBOX width:double height:double <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] \
                 [WITHCOORD] [WITHDIST] [WITHHASH]",
        summary: "Returns the members that are in a circle or a box.",
        since: "6.2.0",
        arity: Arity::AtLeast(7),
        run: Run::Keys(search::geosearch),
        ..NEAR
    },
    Command {
        name: "geosearchstore",
        syntax: "destination:key source:key <FROMMEMBER member | FROMLONLAT longitude:double latitude:double> \
                 <BYRADIUS radius:double <M | KM | FT | MI> | BYBOX width:double height:double <M | KM | FT | MI>> \
                 [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
        summary: "Stores the members that are in a circle or a box.",
        since: "6.2.0",
        arity: Arity::AtLeast(8),
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(KeyFlags::OVERWRITE), Keys::at(2, KeyFlags::READ)],
        run: Run::Keys(search::geosearchstore),
        ..NEAR
    },
];

/// A command that reads one key.
const READ: Command = Command {
    since: "3.2.0",
    group: Group::Geo,
    flags: Flags::READONLY,
    keys: &[Keys::one(KeyFlags::READ)],
    ..Command::BASE
};

/// A command that looks for members.
const NEAR: Command = Command { complexity: NEAR_COST, ..READ };

/// One that may store them.
const RADIUS: Command =
    Command { flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::MOVABLEKEYS), differs: STORE_TWICE, ..NEAR };
