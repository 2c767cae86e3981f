//! From registers to an estimate, after Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog
//! sketches" (arXiv:1702.01284), algorithm 6. The same floating-point operations in the same order as Redis does
//! them: the estimates are the same to the last digit.

use super::{GREATEST, REGISTERS};

/// What a register may hold: 0 to 63.
pub const NUMBERS: usize = 64;
/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The estimate; `histogram` says how many registers hold each number. Those above 51, which no hash gives, count
/// for nothing.
pub fn of(histogram: &[usize; NUMBERS]) -> u64 {
    let all = REGISTERS as f64;
    let greatest = usize::from(GREATEST);
    let mut sum = all * tau((all - histogram[greatest] as f64) / all);
    for &registers in histogram[1..greatest].iter().rev() {
        sum += registers as f64;
        sum *= 0.5;
    }
    sum += all * sigma(histogram[0] as f64 / all);
    let estimate = (ALPHA * all * all / sum).round();
    // Only made-up registers get here; so does the conversion of an infinity behave in Redis.
    if estimate.is_finite() { estimate as u64 } else { i64::MIN.cast_unsigned() }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}
