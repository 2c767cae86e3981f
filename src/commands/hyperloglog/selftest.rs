//! PFSELFTEST: on the administration's thread, since it takes a while.

use crate::commands::{Args, RunResult};
use crate::config::options::HLL_SPARSE_MAX_BYTES;
use crate::keyspace::transaction::Stop;
use crate::server::AdminContext;
use crate::types::hyperloglog::{self, Form, HEADER, REGISTERS, dense, hash};

/// How often all registers are written and read.
const ROUNDS: usize = 1000;
/// How many elements are added.
const ELEMENTS: u64 = 10_000_000;

pub(super) fn pfselftest(cx: &mut AdminContext<'_>, _args: Args<'_>) -> RunResult {
    let sparse_max = cx.server.config().get(HLL_SPARSE_MAX_BYTES) as usize;
    let mut random = fastrand::Rng::with_seed(cx.now_us);
    registers_hold_what_they_are_given(&mut random, ROUNDS)
        .and_then(|()| estimates_are_near(random.u64(..), ELEMENTS, sparse_max))
        .map_err(|what| Stop::error(format!("ERR TESTFAILED {what}")))?;
    cx.reply.ok();
    Ok(())
}

pub(super) fn registers_hold_what_they_are_given(
    random: &mut fastrand::Rng,
    rounds: usize,
) -> Result<(), String> {
    let mut registers = vec![0; dense::BYTES];
    for _ in 0..rounds {
        let numbers: Vec<u8> = (0..REGISTERS).map(|_| random.u8(0..64)).collect();
        for (index, &number) in numbers.iter().enumerate() {
            dense::set(&mut registers, index, number);
        }
        for (index, &number) in numbers.iter().enumerate() {
            let found = dense::get(&registers, index);
            if found != number {
                return Err(format!("Register {index} should be {number} but is {found}"));
            }
        }
    }
    Ok(())
}

/// Adds different elements to a dense and to a sparse HyperLogLog, and looks at 1, 10, 100 … of them whether the two
/// agree and are near the truth.
pub(super) fn estimates_are_near(seed: u64, elements: u64, sparse_max: usize) -> Result<(), String> {
    const CORRUPT: &str = "corrupt";
    let corrupt = |_| CORRUPT.to_string();
    let (mut one, mut other) = (hyperloglog::empty(), hyperloglog::empty());
    hyperloglog::make_dense(&mut one).map_err(corrupt)?;
    let standard_error = 1.04 / (REGISTERS as f64).sqrt();
    let mut checkpoint = 1;
    for element in 1..=elements {
        let bytes = (element ^ seed).to_ne_bytes();
        let (index, number) = hash::place(&bytes);
        dense::raise(&mut one[HEADER..], index, number);
        hyperloglog::add(&mut other, &bytes, sparse_max).map_err(corrupt)?;
        if element != checkpoint {
            continue;
        }
        if element < sparse_max as u64 / 2 && hyperloglog::form(&other) != Some(Form::Sparse) {
            return Err("sparse encoding not used".into());
        }
        let estimate = hyperloglog::count(&one).map_err(corrupt)?;
        if hyperloglog::count(&other) != Ok(estimate) {
            return Err("dense/sparse disagree".into());
        }
        // Of ten elements, two in one register are rare enough, but would be far off by this measure.
        let allowed = if element == 10 { 1 } else { (standard_error * 6.0 * element as f64).ceil() as u64 };
        let error = estimate.abs_diff(element);
        if error > allowed {
            return Err(format!("Too big error. card:{element} abserr:{error}"));
        }
        checkpoint *= 10;
    }
    Ok(())
}
