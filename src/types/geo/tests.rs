use super::*;

fn place(longitude: f64, latitude: f64) -> Place {
    Place { longitude, latitude }
}

/// Known from Redis's own documentation and suite.
#[test]
fn scores_and_letters_are_those_of_redis() {
    for (longitude, latitude, score, letters) in [
        (13.361389, 38.115556, 3_479_099_956_230_698.0, "sqc8b49rny0"),
        (15.087269, 37.502669, 3_479_447_370_796_909.0, "sqdtr74hyu0"),
        (-73.9454966, 40.747533, 1_791_875_804_419_201.0, "dr5rv3fe940"),
    ] {
        let place = place(longitude, latitude);
        assert_eq!(place.score(), score);
        let letters_of = Place::of_score(score).letters();
        assert_eq!(std::str::from_utf8(&letters_of), Ok(letters));
    }
    assert_eq!(&Place::of_score(place(-5.6, 42.6).score()).letters(), b"ezs42e44yx0");
}

#[test]
fn a_place_comes_back_within_its_cell() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..2000 {
        let place = place(random.f64() * 360.0 - 180.0, (random.f64() * 2.0 - 1.0) * MOST_LATITUDE);
        let back = Place::of_score(place.score());
        assert!((place.longitude - back.longitude).abs() <= 360.0 / f64::from(1 << 27) * 1.000_001);
        assert!((place.latitude - back.latitude).abs() <= 180.0 / f64::from(1 << 27));
        assert_eq!(back.score(), place.score());
    }
}

#[test]
fn the_edges_of_the_map_are_on_it() {
    for (longitude, latitude) in [(180.0, 85.05112878), (-180.0, -85.05112878), (180.0, -85.05112878)] {
        let edge = place(longitude, latitude);
        assert!(edge.is_valid());
        let back = Place::of_score(edge.score());
        assert!(
            (back.longitude - longitude).abs() < 1e-5 && (back.latitude - latitude).abs() < 1e-5,
            "{back:?}"
        );
    }
    assert!(!place(180.1, 0.0).is_valid() && !place(0.0, 85.06).is_valid());
}

/// A sorted set may hold anything.
#[test]
fn every_score_is_some_place() {
    for score in [-1.0, f64::MIN, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, 0.5, 1e18, 1.5e19, 2e19] {
        assert!(Place::of_score(score).is_valid(), "{score}");
    }
    assert_eq!(
        [-1.0, 1e19, 2e19, f64::INFINITY].map(score_bits),
        [u64::MAX, 10_000_000_000_000_000_000, 0, 0]
    );
}

#[test]
fn bits_are_spread_and_gathered() {
    assert_eq!([0, 1, 2, 3, 255].map(spread), [0, 1, 4, 5, 0x5555]);
    assert!([0, 1, 77, u32::MAX].into_iter().all(|number| gather(spread(number)) == number));
    let cell = Cell { steps: 3, column: 7, row: 0 };
    assert_eq!(cell.bits(), 0b101010);
    assert_eq!((cell.moved(1, -1).column, cell.moved(1, -1).row), (0, 7));
}

#[test]
fn distances_are_those_of_redis() {
    let (palermo, catania) = (place(13.361389, 38.115556), place(15.087269, 37.502669));
    let (palermo, catania) = (Place::of_score(palermo.score()), Place::of_score(catania.score()));
    assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
    assert_eq!(palermo.distance(palermo), 0.0);
    // As far as it goes.
    let far = place(0.0, 0.0).distance(place(180.0, 0.0));
    assert_eq!(format!("{far:.3}"), "20020734.000");
}

/// Whatever lies in an area lies in one of its boxes, but near the poles, where Redis looks at too few as well.
#[test]
fn no_place_in_an_area_is_missed() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..400 {
        let centre = place(random.f64() * 360.0 - 180.0, random.f64() * 120.0 - 60.0);
        let size = 10f64.powf(random.f64() * 5.5);
        let shape = match random.bool() {
            true => Shape::Circle { radius: size },
            false => Shape::Box { width: size, height: 10f64.powf(random.f64() * 5.5) },
        };
        let area = Area { centre, shape };
        let boxes: Vec<Boxed> = area.boxes().collect();
        assert!(boxes.len() <= 9);
        for _ in 0..200 {
            let near = 10f64.powf(random.f64() * -6.0) * 60.0;
            let other = place(
                centre.longitude + (random.f64() - 0.5) * near,
                centre.latitude + (random.f64() - 0.5) * near,
            );
            if !other.is_valid() || area.distance(other).is_none() {
                continue;
            }
            let score = other.score();
            let within = boxes.iter().filter(|one| (one.min..one.max).contains(&score)).count();
            assert!(within >= 1, "round {round}: {area:?} misses {other:?}");
        }
    }
}
