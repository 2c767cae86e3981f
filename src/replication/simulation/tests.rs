//! Many seeds; and that each broken rule is found out.

use super::{Broken, Tally, World};

/// Seeds of the ordinary tests.
const SEEDS: u64 = 300;
/// Seeds of `make simulate`.
const MANY: u64 = 10_000;
/// A broken rule is found out within so many.
const SOON: u64 = 300;

/// Runs seeds, and adds up what they were about.
fn run(seeds: std::ops::Range<u64>) -> Tally {
    let only = std::env::var("PIKA_SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(seeds, |seed: u64| seed..seed + 1);
    let mut sum = Tally::default();
    for seed in seeds {
        match World::new(seed, Broken::Nothing).run() {
            Ok(tally) => {
                sum.writes += tally.writes;
                sum.crashes += tally.crashes;
                sum.promotions += tally.promotions;
                sum.full += tally.full;
                sum.partial += tally.partial;
                sum.files += tally.files;
                sum.refetched += tally.refetched;
                sum.full_disks += tally.full_disks;
            }
            Err(why) => panic!("seed {seed} (PIKA_SIMULATION_SEED={seed} runs it alone): {why}"),
        }
    }
    sum
}

#[test]
fn all_nodes_are_the_same_in_the_end_whatever_happens() {
    let tally = run(0..SEEDS);
    // With a seed of one's own there may be less.
    if std::env::var_os("PIKA_SIMULATION_SEED").is_none() {
        let Tally { writes, crashes, promotions, full, partial, files, refetched, full_disks } = tally;
        let all = [writes, crashes, promotions, full, partial, files, 2 * refetched, full_disks];
        assert!(all.into_iter().all(|count| count > SEEDS / 2), "something hardly ever happens: {tally:?}");
    }
}

#[test]
#[ignore = "takes some seconds with optimisation, minutes without; 300 seeds run in every test, `make simulate` runs these"]
fn all_nodes_are_the_same_in_the_end_with_ten_thousand_seeds() {
    let tally = run(0..MANY);
    println!("{MANY} seeds: {tally:?}");
}

#[test]
fn each_broken_rule_is_found_out() {
    let rules = [
        Broken::Fork,
        Broken::Position,
        Broken::Name,
        Broken::Spool,
        Broken::Checkpoint,
        Broken::Lost,
        Broken::Since,
    ];
    for broken in rules {
        let found = (0..SOON).find(|&seed| World::new(seed, broken).run().is_err());
        assert!(found.is_some(), "{broken:?} is not found out by {SOON} seeds");
    }
}
