//! Places on the globe, as scores of sorted sets.
//!
//! A place is a *geohash*: longitude and latitude, each as a number of 26 bits between the ends of its range, with
//! their bits interleaved (latitude in the even ones). 52 bits are exact as a double, so the score of a member is its
//! place, and members near each other have scores near each other: an area is a few ranges of scores ([`Area`]).
//! All numbers come out as Redis's do, to the last bit.

mod search;
#[cfg(test)]
mod tests;

pub use search::{Area, Boxed, Shape};

/// Radius of the Earth that distances go by, metres.
const EARTH_RADIUS: f64 = 6_372_797.560856;
/// The longitude farthest from 0, degrees.
pub const MOST_LONGITUDE: f64 = 180.0;
/// The latitude farthest from 0 that a place may have, degrees: there Mercator's map is square.
pub const MOST_LATITUDE: f64 = 85.051_128_78;
/// Bits of a coordinate in a score.
const SCORE_STEPS: u32 = 26;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

/// One of the cells that a grid of 2^steps by 2^steps cuts the globe into, from the south-west corner on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Bits of each coordinate.
    steps: u32,
    /// Counted from the west. The eastern edge itself is one past the last.
    column: u32,
    /// Counted from the south. The northern edge itself is one past the last.
    row: u32,
}

/// The bits of a number, spread to the even places.
fn spread(number: u32) -> u64 {
    (0..32).fold(0, |bits, place| bits | u64::from(number >> place & 1) << (2 * place))
}

/// The even bits of a number.
fn gather(bits: u64) -> u32 {
    (0..32).fold(0, |number, place| number | ((bits >> (2 * place) & 1) as u32) << place)
}

impl Cell {
    /// The cell that a place is in, on a grid whose latitudes go up to `most_latitude`.
    fn of(place: Place, steps: u32, most_latitude: f64) -> Cell {
        let cells = f64::from(1 << steps);
        let count = |value: f64, most: f64| ((value + most) / (most + most) * cells) as u32;
        Cell {
            steps,
            column: count(place.longitude, MOST_LONGITUDE),
            row: count(place.latitude, most_latitude),
        }
    }

    fn from_bits(bits: u64, steps: u32) -> Cell {
        Cell { steps, column: gather(bits >> 1), row: gather(bits) }
    }

    fn bits(self) -> u64 {
        spread(self.column) << 1 | spread(self.row)
    }

    /// Its western and eastern edges.
    fn longitudes(self) -> (f64, f64) {
        self.edges(self.column, MOST_LONGITUDE)
    }

    /// Its southern and northern edges.
    fn latitudes(self) -> (f64, f64) {
        self.edges(self.row, MOST_LATITUDE)
    }

    fn edges(self, number: u32, most: f64) -> (f64, f64) {
        let cells = f64::from(1 << self.steps);
        let edge = |number: f64| -most + number / cells * (most + most);
        (edge(f64::from(number)), edge(f64::from(number) + 1.0))
    }

    fn centre(self) -> Place {
        let middle = |(low, high): (f64, f64), most: f64| ((low + high) / 2.0).clamp(-most, most);
        Place {
            longitude: middle(self.longitudes(), MOST_LONGITUDE),
            latitude: middle(self.latitudes(), MOST_LATITUDE),
        }
    }

    /// The cell so many columns to the east and rows to the north. East of the last column is the first one; the same
    /// goes for rows.
    fn moved(self, columns: i32, rows: i32) -> Cell {
        let within = (1 << self.steps) - 1;
        let step = |number: u32, by: i32| match by {
            0 => number,
            by => number.wrapping_add_signed(by) & within,
        };
        Cell { column: step(self.column, columns), row: step(self.row, rows), ..self }
    }
}

impl Place {
    /// Whether it is on the map.
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= MOST_LONGITUDE && self.latitude.abs() <= MOST_LATITUDE
    }

    /// The score of a place, which must be valid.
    pub fn score(self) -> f64 {
        Cell::of(self, SCORE_STEPS, MOST_LATITUDE).bits() as f64
    }

    /// The place of a score. Any score has one: a sorted set need not have been made by GEOADD.
    pub fn of_score(score: f64) -> Place {
        Cell::from_bits(score_bits(score), SCORE_STEPS).centre()
    }

    /// The 11 letters that others know as the place's geohash. They count latitudes up to the poles, and have three
    /// bits more than there are, which are 0.
    pub fn letters(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        const POLE: f64 = 90.0;
        let bits = Cell::of(self, SCORE_STEPS, POLE).bits();
        std::array::from_fn(|index| match index {
            10 => LETTERS[0],
            index => LETTERS[(bits >> (52 - 5 * (index + 1)) & 31) as usize],
        })
    }

    /// Metres from here to there along the Earth's surface, as if it were a sphere.
    pub fn distance(self, other: Place) -> f64 {
        let sine = ((other.longitude.to_radians_as_c() - self.longitude.to_radians_as_c()) / 2.0).sin();
        if sine == 0.0 {
            return self.distance_north(other);
        }
        let (here, there) = (self.latitude.to_radians_as_c(), other.latitude.to_radians_as_c());
        let north = ((there - here) / 2.0).sin();
        let square = north * north + here.cos() * there.cos() * sine * sine;
        2.0 * EARTH_RADIUS * square.sqrt().asin()
    }

    /// As if both had the same longitude.
    fn distance_north(self, other: Place) -> f64 {
        EARTH_RADIUS * (other.latitude.to_radians_as_c() - self.latitude.to_radians_as_c()).abs()
    }
}

/// A score as the 64 bits that C makes of it on x86.
fn score_bits(score: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if score < HALF {
        score as i64 as u64
    } else if score < 2.0 * HALF {
        score as u64
    } else {
        0
    }
}

/// Degrees and radians by the same multiplication as in C: the last bit of a distance depends on it.
trait Degrees {
    fn to_radians_as_c(self) -> f64;
    fn to_degrees_as_c(self) -> f64;
}

const RADIANS: f64 = std::f64::consts::PI / 180.0;

impl Degrees for f64 {
    fn to_radians_as_c(self) -> f64 {
        self * RADIANS
    }

    fn to_degrees_as_c(self) -> f64 {
        self / RADIANS
    }
}
