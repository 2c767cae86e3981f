//! Seeds changed at random: less than a fuzzer, which sees what its changes reach, but part of each test run.
//! `PIKA_FUZZ_MUTATIONS=N` makes so many of each target's (200), `PIKA_FUZZ_SEED=N` others.

use super::tests::{TARGETS, committed, dictionary_words};

fn number_of(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Takes words and numbers that mean something in, bytes out, pieces twice, and the end of another input.
fn mutate(random: &mut fastrand::Rng, seed: &[u8], other: &[u8], words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=bytes.len());
        let end = random.usize(at..=bytes.len().min(at + 24));
        let word = &words[random.usize(..words.len())];
        match random.u8(..9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            1 if at < bytes.len() => bytes[at] = random.u8(..),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => drop(bytes.splice(at..at, word.iter().copied())),
            5 => drop(bytes.splice(at.., other[random.usize(..=other.len())..].iter().copied())),
            // A whole word for another.
            _ => {
                let blank = |byte: &u8| byte.is_ascii_whitespace();
                let from = bytes[..at].iter().rposition(blank).map_or(2.min(at), |place| place + 1);
                let to = bytes[at..].iter().position(blank).map_or(bytes.len(), |place| at + place);
                bytes.splice(from..to, word.iter().copied());
            }
        }
    }
    bytes.truncate(4096);
    bytes
}

#[test]
fn mutated_seeds_find_nothing() {
    let count = number_of("PIKA_FUZZ_MUTATIONS", 200);
    let mut words = dictionary_words();
    let numbers =
        ["0", "1", "-1", "2", "10", "1.5", "-inf", "+inf", "nan", "*", "-", "+", "$", "(1", "[a", "{a}", ""];
    words.extend(numbers.map(|word| word.as_bytes().to_vec()));
    let limits =
        [i64::MIN, i64::MAX, i64::from(i32::MAX), i64::from(u32::MAX), 1 << 53, 4096, 1_700_000_000_000];
    words.extend(limits.map(|number| number.to_string().into_bytes()));
    for (name, target) in TARGETS {
        let seeds: Vec<Vec<u8>> = committed(name).into_iter().map(|(_, bytes)| bytes).collect();
        let mut random = fastrand::Rng::with_seed(number_of("PIKA_FUZZ_SEED", 1));
        for _ in 0..count {
            let (seed, other) = (random.usize(..seeds.len()), random.usize(..seeds.len()));
            let input = mutate(&mut random, &seeds[seed], &seeds[other], &words);
            let found = std::panic::catch_unwind(|| target(&input));
            assert!(found.is_ok(), "{name}, this input as bytes: \"{}\"", input.escape_ascii());
        }
        println!("{name}: {count} inputs");
    }
}
