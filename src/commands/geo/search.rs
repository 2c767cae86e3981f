//! GEOSEARCH, GEOSEARCHSTORE, and their older forms.

use super::partial_sort::sort_first;
use super::words::{length, place, place_of, unit, write_distance, write_place};
use crate::commands::args::syntax_error;
use crate::commands::sorted_set::combine::store;
use crate::commands::{Args, Context, KeyFlags, Keys, RunResult};
use crate::keyspace::transaction::{Stop, Transaction};
use crate::number::write_f64;
use crate::types::geo::{Area, Place, Shape};
use crate::types::sorted_set::{ScoreRange, SortedSet};

/// Where GEORADIUS has its keys.
pub(super) const GEORADIUS_KEYS: &[Keys] = &[
    Keys::one(KeyFlags::READ),
    Keys::behind("STORE", 6, KeyFlags::OVERWRITE),
    Keys::behind("STOREDIST", 6, KeyFlags::OVERWRITE),
];

/// Where GEORADIUSBYMEMBER has its keys.
pub(super) const GEORADIUSBYMEMBER_KEYS: &[Keys] = &[
    Keys::one(KeyFlags::READ),
    Keys::behind("STORE", 5, KeyFlags::OVERWRITE),
    Keys::behind("STOREDIST", 5, KeyFlags::OVERWRITE),
];

/// What a command's name says.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// Where the key stands.
    key: usize,
    /// Where the options begin.
    options: usize,
    centre: Centre,
    /// Where else keys may stand; empty if none may.
    stores: &'static [Keys],
}

/// Where a command says what is in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Centre {
    Place,
    Member,
    /// Among the options.
    Options,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Nearest,
    Farthest,
}

const GEORADIUS: Form = Form { key: 1, options: 6, centre: Centre::Place, stores: GEORADIUS_KEYS };
const GEORADIUSBYMEMBER: Form =
    Form { key: 1, options: 5, centre: Centre::Member, stores: GEORADIUSBYMEMBER_KEYS };
const GEOSEARCH: Form = Form { key: 1, options: 2, centre: Centre::Options, stores: &[] };
const GEOSEARCHSTORE: Form = Form { key: 2, options: 3, ..GEOSEARCH };

pub(super) fn georadius(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    search(cx, args, GEORADIUS)
}

pub(super) fn georadius_ro(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    search(cx, args, Form { stores: &[], ..GEORADIUS })
}

pub(super) fn georadiusbymember(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    search(cx, args, GEORADIUSBYMEMBER)
}

pub(super) fn georadiusbymember_ro(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    search(cx, args, Form { stores: &[], ..GEORADIUSBYMEMBER })
}

pub(super) fn geosearch(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    search(cx, args, GEOSEARCH)
}

pub(super) fn geosearchstore(cx: &mut Context<'_, '_>, args: Args<'_>) -> RunResult {
    search(cx, args, GEOSEARCHSTORE)
}

/// What a command is asked for.
#[derive(Debug)]
struct Wanted<'a> {
    /// What is in the middle. Redis looks at it as it comes by, so that it is known before all options are.
    centre: Option<Place>,
    from_member: bool,
    from_place: bool,
    shape: Option<Shape>,
    by_radius: bool,
    by_box: bool,
    /// Metres of the unit that distances are told in.
    unit: f64,
    with_place: bool,
    with_distance: bool,
    with_hash: bool,
    /// How many; 0: all.
    count: u64,
    /// The first ones found, not the nearest.
    any: bool,
    order: Option<Order>,
    target: Option<&'a [u8]>,
    /// What is stored are distances.
    stores_distance: bool,
}

impl<'a> Wanted<'a> {
    /// Reads all words. Where the key does not exist, what is said of its members is not looked at.
    fn read(
        txn: &mut Transaction<'_>,
        set: &mut SortedSet<'_>,
        args: Args<'a>,
        form: Form,
    ) -> Result<Wanted<'a>, Stop> {
        let mut wanted = Wanted {
            centre: None,
            from_member: false,
            from_place: false,
            shape: None,
            by_radius: false,
            by_box: false,
            unit: 1.0,
            with_place: false,
            with_distance: false,
            with_hash: false,
            count: 0,
            any: false,
            order: None,
            target: (form.key == 2).then(|| args.word(1)),
            stores_distance: false,
        };
        let missing = set.is_empty();
        match form.centre {
            Centre::Place => {
                wanted.centre = Some(place(args, 2)?);
                wanted.read_radius(args, 4)?;
            }
            Centre::Member if !missing => {
                wanted.centre = Some(place_of(txn, set, args.word(2))?);
                wanted.read_radius(args, 3)?;
            }
            Centre::Member | Centre::Options => {}
        }
        let mut at = form.options;
        while at < args.len() {
            at += wanted.read_option(txn, set, args, form, at)?;
        }
        wanted.check(args, form)?;
        Ok(wanted)
    }

    /// Reads the option at a word. Returns how many words it has.
    fn read_option(
        &mut self,
        txn: &mut Transaction<'_>,
        set: &mut SortedSet<'_>,
        args: Args<'a>,
        form: Form,
        at: usize,
    ) -> Result<usize, Stop> {
        let searches = form.centre == Centre::Options;
        let left = args.len() - at - 1;
        let is = |name: &str| args.word(at).eq_ignore_ascii_case(name.as_bytes());
        if is("WITHDIST") {
            self.with_distance = true;
        } else if is("WITHHASH") {
            self.with_hash = true;
        } else if is("WITHCOORD") {
            self.with_place = true;
        } else if is("ANY") {
            self.any = true;
        } else if is("ASC") {
            self.order = Some(Order::Nearest);
        } else if is("DESC") {
            self.order = Some(Order::Farthest);
        } else if is("COUNT") && left >= 1 {
            let count = u64::try_from(args.integer(at + 1)?).unwrap_or(0);
            if count == 0 {
                return Err(Stop::error("ERR COUNT must be > 0"));
            }
            self.count = count;
            return Ok(2);
        } else if !form.stores.is_empty() && (is("STORE") || is("STOREDIST")) && left >= 1 {
            // The partitions of all keys were found out before, by the first such option.
            let is_named = |key: usize| args.word(key) == args.word(at + 1);
            let known = form.stores.iter().any(|keys| keys.positions(args).any(is_named));
            if !known {
                return Err(syntax_error());
            }
            self.target = Some(args.word(at + 1));
            self.stores_distance = is("STOREDIST");
            return Ok(2);
        } else if searches && is("FROMMEMBER") && left >= 1 && !self.from_place {
            if !set.is_empty() {
                self.centre = Some(place_of(txn, set, args.word(at + 1))?);
            }
            self.from_member = true;
            return Ok(2);
        } else if searches && is("FROMLONLAT") && left >= 2 && !self.from_member {
            self.centre = Some(place(args, at + 1)?);
            self.from_place = true;
            return Ok(3);
        } else if searches && is("BYRADIUS") && left >= 2 && !self.by_box {
            self.read_radius(args, at + 1)?;
            self.by_radius = true;
            return Ok(3);
        } else if searches && is("BYBOX") && left >= 3 && !self.by_radius {
            self.read_box(args, at + 1)?;
            self.by_box = true;
            return Ok(4);
        } else if searches && form.key == 2 && is("STOREDIST") {
            self.stores_distance = true;
        } else {
            return Err(syntax_error());
        }
        Ok(1)
    }

    fn read_radius(&mut self, args: Args<'_>, at: usize) -> Result<(), Stop> {
        let radius = length(args.word(at), "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err(Stop::error("ERR radius cannot be negative"));
        }
        self.unit = unit(args.word(at + 1))?;
        self.shape = Some(Shape::Circle { radius: radius * self.unit });
        Ok(())
    }

    fn read_box(&mut self, args: Args<'_>, at: usize) -> Result<(), Stop> {
        let width = length(args.word(at), "ERR need numeric width")?;
        let height = length(args.word(at + 1), "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err(Stop::error("ERR height or width cannot be negative"));
        }
        self.unit = unit(args.word(at + 2))?;
        self.shape = Some(Shape::Box { width: width * self.unit, height: height * self.unit });
        Ok(())
    }

    /// Refuses what does not go together.
    fn check(&self, args: Args<'_>, form: Form) -> Result<(), Stop> {
        if self.target.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            let name = if form.key == 2 { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Stop::error(format!(
                "ERR {name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if form.centre == Centre::Options {
            let name = String::from_utf8_lossy(args.word(0));
            if !self.from_member && !self.from_place {
                return Err(Stop::error(format!(
                    "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}"
                )));
            }
            if self.shape.is_none() {
                return Err(Stop::error(format!(
                    "ERR exactly one of BYRADIUS and BYBOX can be specified for {name}"
                )));
            }
        }
        if self.any && self.count == 0 {
            return Err(Stop::error("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}

/// A member in the area.
#[derive(Debug)]
struct Found {
    member: Vec<u8>,
    score: f64,
    place: Place,
    /// From the centre, metres.
    distance: f64,
}

fn search(cx: &mut Context<'_, '_>, args: Args<'_>, form: Form) -> RunResult {
    let entry = cx.txn.lookup(args.word(form.key))?;
    let mut set = SortedSet::open(&entry)?;
    let wanted = Wanted::read(&mut cx.txn, &mut set, args, form)?;
    let mut found = match (wanted.centre, wanted.shape) {
        (Some(centre), Some(shape)) => find(&mut cx.txn, &mut set, Area { centre, shape }, &wanted)?,
        // There is no such key.
        _ => Vec::new(),
    };
    arrange(&mut found, &wanted);
    match wanted.target {
        None => {
            show(cx, &found, &wanted);
            Ok(())
        }
        Some(target) => {
            let event = if form.centre == Centre::Options { "geosearchstore" } else { "georadiusstore" };
            keep(cx, target, &found, &wanted, event)
        }
    }
}

/// The members in an area, cell by cell.
fn find(
    txn: &mut Transaction<'_>,
    set: &mut SortedSet<'_>,
    area: Area,
    wanted: &Wanted<'_>,
) -> Result<Vec<Found>, Stop> {
    let most = if wanted.any { usize::try_from(wanted.count).unwrap_or(usize::MAX) } else { usize::MAX };
    let mut found = Vec::new();
    for cell in area.boxes() {
        if found.len() >= most {
            break;
        }
        let range = ScoreRange { min: cell.min, min_excluded: false, max: cell.max, max_excluded: true };
        let ranks = set.ranks_by_score(txn, &range)?;
        if ranks.is_empty() {
            continue;
        }
        set.walk(txn, ranks.start, ranks.end - ranks.start, false, |score, member| {
            let place = Place::of_score(score);
            if let Some(distance) = area.distance(place) {
                found.push(Found { member: member.to_vec(), score, place, distance });
            }
            found.len() < most
        })?;
    }
    Ok(found)
}

/// Sorts what was found, and leaves what is too much.
fn arrange(found: &mut Vec<Found>, wanted: &Wanted<'_>) {
    // The first ones of no order are any.
    let order = match wanted.order {
        None if wanted.count > 0 && !wanted.any => Some(Order::Nearest),
        order => order,
    };
    let compare = |one: &Found, other: &Found| match order {
        Some(Order::Farthest) => other.distance.total_cmp(&one.distance),
        _ => one.distance.total_cmp(&other.distance),
    };
    let count = usize::try_from(wanted.count).unwrap_or(usize::MAX);
    let some = (1..found.len()).contains(&count);
    match order {
        // A few of them: those at the same distance are in another order.
        Some(_) if some => sort_first(found, count, &compare),
        Some(_) => found.sort_by(compare),
        None => {}
    }
    if some {
        found.truncate(count);
    }
}

fn show(cx: &mut Context<'_, '_>, found: &[Found], wanted: &Wanted<'_>) {
    let reply = &mut *cx.reply;
    let options =
        [wanted.with_distance, wanted.with_hash, wanted.with_place].iter().filter(|with| **with).count();
    reply.array(found.len());
    for Found { member, score, place, distance } in found {
        if options > 0 {
            reply.array(1 + options);
        }
        reply.bulk(member);
        if wanted.with_distance {
            write_distance(reply, distance / wanted.unit);
        }
        if wanted.with_hash {
            reply.integer(*score as i64);
        }
        if wanted.with_place {
            write_place(reply, *place);
        }
        reply.may_leave();
    }
}

/// Puts what was found in the place of what a key holds, and answers how many they are.
///
/// The log gets what was found: the last bit of a sine may be another one elsewhere.
fn keep(
    cx: &mut Context<'_, '_>,
    target: &[u8],
    found: &[Found],
    wanted: &Wanted<'_>,
    event: &'static str,
) -> RunResult {
    let score =
        |found: &Found| if wanted.stores_distance { found.distance / wanted.unit } else { found.score };
    let mut members: Vec<(f64, Vec<u8>)> =
        found.iter().map(|found| (score(found), found.member.clone())).collect();
    members.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
    let replaces = cx.txn.entry(target)?.exists();
    store(cx, target, &members, event)?;
    if replaces {
        cx.txn.effect(&[b"DEL", target]);
    }
    if members.is_empty() {
        return Ok(());
    }
    cx.txn.add_changes(members.len() as u64 - 1);
    let scores: Vec<Vec<u8>> = members
        .iter()
        .map(|(score, _)| {
            let mut text = Vec::new();
            write_f64(&mut text, *score);
            text
        })
        .collect();
    let mut words: Vec<&[u8]> = vec![b"ZADD", target];
    words.extend(scores.iter().zip(&members).flat_map(|(score, (_, member))| [&score[..], member]));
    cx.txn.effect(&words);
    Ok(())
}
