//! Which scores lie in an area.

use super::{Cell, Degrees, EARTH_RADIUS, MOST_LATITUDE, Place, SCORE_STEPS};

/// Half of the Earth's circumference on Mercator's map, metres.
const MERCATOR_MOST: f64 = 20_037_726.37;

/// The form of an area. Sizes are metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// All that is not farther away.
    Circle {
        /// How far.
        radius: f64,
    },
    /// All that is not farther to the east or west, nor to the north or south.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// An area around a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Its centre.
    pub centre: Place,
    /// Its form.
    pub shape: Shape,
}

/// A range of scores: those of the places in one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boxed {
    /// The least score.
    pub min: f64,
    /// One past the greatest.
    pub max: f64,
}

/// The edges of the smallest box around an area, degrees.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

/// A cell and the eight around it, in the order in which they are searched: columns and rows away.
const AROUND: [(i32, i32); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

impl Area {
    /// How far a place in the area is from its centre, metres; `None` if it is outside.
    pub fn distance(&self, place: Place) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance = self.centre.distance(place);
                if distance > radius { None } else { Some(distance) }
            }
            Shape::Box { width, height } => {
                if place.distance_north(self.centre) > height / 2.0 {
                    return None;
                }
                let beside = Place { longitude: self.centre.longitude, ..place };
                if place.distance(beside) > width / 2.0 {
                    return None;
                }
                Some(self.centre.distance(place))
            }
        }
    }

    /// The ranges of scores that the area's places have, in the order in which Redis looks at them. They hold other
    /// places too.
    pub fn boxes(&self) -> impl Iterator<Item = Boxed> {
        let bounds = self.bounds();
        let mut steps = self.steps();
        let cell_of = |steps| Cell::of(self.centre, steps, MOST_LATITUDE);
        let mut cell = cell_of(steps);
        let too_small = cell.moved(0, 1).latitudes().1 < bounds.north
            || cell.moved(0, -1).latitudes().0 > bounds.south
            || cell.moved(1, 0).longitudes().1 < bounds.east
            || cell.moved(-1, 0).longitudes().0 > bounds.west;
        if steps > 1 && too_small {
            steps -= 1;
            cell = cell_of(steps);
        }
        let (west, east) = cell.longitudes();
        let (south, north) = cell.latitudes();
        let wanted = move |columns: i32, rows: i32| {
            // Cells so large that there are only four may be on both sides at once.
            steps < 2
                || !((rows < 0 && south < bounds.south)
                    || (rows > 0 && north > bounds.north)
                    || (columns < 0 && west < bounds.west)
                    || (columns > 0 && east > bounds.east))
        };
        let mut last = None;
        AROUND
            .into_iter()
            .filter(move |&(columns, rows)| wanted(columns, rows))
            .map(move |(columns, rows)| (columns, rows, cell.moved(columns, rows)))
            .filter(move |&(columns, rows, cell)| {
                let again = last == Some(cell);
                // The cell in the middle is not compared with, as in Redis.
                if (columns, rows) != (0, 0) && !again {
                    last = Some(cell);
                }
                !again
            })
            .map(|(_, _, cell)| {
                let score = |bits: u64| (bits << (2 * (SCORE_STEPS - cell.steps))) as f64;
                Boxed { min: score(cell.bits()), max: score(cell.bits() + 1) }
            })
    }

    fn bounds(&self) -> Bounds {
        let Place { longitude, latitude } = self.centre;
        let (width, height) = match self.shape {
            Shape::Circle { radius } => (radius, radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let north = (height / EARTH_RADIUS).to_degrees_as_c();
        // A degree to the east is the shorter, the farther from the equator.
        let far = if latitude < 0.0 { latitude - north } else { latitude + north };
        let east = (width / EARTH_RADIUS / far.to_radians_as_c().cos()).to_degrees_as_c();
        Bounds {
            west: longitude - east,
            south: latitude - north,
            east: longitude + east,
            north: latitude + north,
        }
    }

    /// How fine a grid is whose cells are about as large as the area.
    fn steps(&self) -> u32 {
        let mut metres = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        if metres == 0.0 {
            return SCORE_STEPS;
        }
        let mut steps = 1i32;
        while metres < MERCATOR_MOST {
            metres *= 2.0;
            steps += 1;
        }
        // The area must fit into the cells around one, wherever in it the centre is.
        steps -= 2;
        // Cells become narrower towards the poles.
        let latitude = self.centre.latitude.abs();
        steps -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        steps.clamp(1, SCORE_STEPS as i32) as u32
    }
}
