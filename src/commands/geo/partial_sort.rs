//! The first ones of what is sorted, with those that compare as equal in the places in which Redis has them.
//!
//! A search that wants a few of many is answered by a quicksort that leaves alone what cannot reach the front. It is
//! not stable: which of two members at the same distance is answered depends on its pivots and exchanges. So those
//! are what has to be the same: the median of three, beyond 40 of three medians; what equals the pivot gathered at
//! both ends and exchanged into the middle; insertion below 7 (J. Bentley, M. McIlroy: Engineering a Sort Function,
//! 1993).

use std::cmp::Ordering;

/// Slices shorter than this are sorted by insertion.
const SHORT: usize = 7;
/// Slices longer than this have a pivot of nine candidates.
const LONG: usize = 40;

/// Sorts as much of a slice as it takes for the first `wanted` to be the least ones in order; what is behind them is
/// in no order. `wanted` is from 1 to the length of the slice.
pub(super) fn sort_first<T>(mut items: &mut [T], mut wanted: usize, compare: &impl Fn(&T, &T) -> Ordering) {
    while items.len() >= SHORT {
        let (less, more) = partition(items, compare);
        let rest = items.len() - more;
        if less > 1 {
            sort_first(&mut items[..less], wanted.min(less), compare);
        }
        if more <= 1 || wanted <= rest {
            return;
        }
        items = &mut items[rest..];
        wanted -= rest;
    }
    for end in 1..items.len() {
        for place in (1..=end).rev() {
            if compare(&items[place - 1], &items[place]) != Ordering::Greater {
                break;
            }
            items.swap(place - 1, place);
        }
    }
}

/// Exchanges until what is less than a pivot stands in front of what equals it, and that in front of what is greater.
/// Returns how many are less and how many greater.
fn partition<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let length = items.len();
    items.swap(0, pivot(items, compare));
    // Equal ones gather in front of `equal` and from `tail` on; between them `low` and `high` come towards each other.
    // `high` and `tail` are one past their place.
    let (mut equal, mut low, mut high, mut tail) = (1, 1, length, length);
    loop {
        while low < high {
            match compare(&items[low], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(equal, low);
                    equal += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low < high {
            match compare(&items[high - 1], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(high - 1, tail - 1);
                    tail -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low >= high {
            break;
        }
        items.swap(low, high - 1);
        low += 1;
        high -= 1;
    }
    let (less, more) = (low - equal, tail - high);
    exchange(items, 0, low, equal.min(less));
    exchange(items, low, length, more.min(length - tail));
    (less, more)
}

/// Exchanges `count` items from `start` on with the last ones in front of `end`, one by one.
fn exchange<T>(items: &mut [T], start: usize, end: usize, count: usize) {
    for place in 0..count {
        items.swap(start + place, end - count + place);
    }
}

/// The place of the pivot.
fn pivot<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let (middle, last) = (items.len() / 2, items.len() - 1);
    if items.len() == SHORT {
        return middle;
    }
    let median = |one, two, three| median(items, one, two, three, compare);
    if items.len() <= LONG {
        return median(0, middle, last);
    }
    let step = items.len() / 8;
    median(
        median(0, step, 2 * step),
        median(middle - step, middle, middle + step),
        median(last - 2 * step, last - step, last),
    )
}

/// Which of three places holds what is neither the least nor the greatest; of equal ones the one that Redis takes.
fn median<T>(
    items: &[T],
    one: usize,
    two: usize,
    three: usize,
    compare: &impl Fn(&T, &T) -> Ordering,
) -> usize {
    let order = |left: usize, right: usize| compare(&items[left], &items[right]);
    if order(one, two) == Ordering::Less {
        if order(two, three) == Ordering::Less {
            two
        } else if order(one, three) == Ordering::Less {
            three
        } else {
            one
        }
    } else if order(two, three) == Ordering::Greater {
        two
    } else if order(one, three) == Ordering::Less {
        one
    } else {
        three
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least ones come first, of every length, number and share of equal ones, and nothing is lost.
    #[test]
    fn the_first_ones_are_the_least() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..3000 {
            let length = random.usize(1..200);
            let different = random.u32(1..100);
            let items: Vec<u32> = (0..length).map(|_| random.u32(0..different)).collect();
            let wanted = random.usize(1..=length);
            let mut sorted = items.clone();
            sorted.sort_unstable();
            let mut partly = items;
            sort_first(&mut partly, wanted, &u32::cmp);
            assert_eq!(partly[..wanted], sorted[..wanted]);
            partly.sort_unstable();
            assert_eq!(partly, sorted);
        }
    }
}
