//! What the write-behind thread pays for a key: hand-offs of random keys out of a million, 64-byte values, applied to
//! RocksDB. Prints CPU time of the thread (and of the whole process: flushes and compactions) in microseconds a key.
//!
//!     cargo bench --features rocks --bench write_behind -- [keys a hand-off] [memtable MiB] [million keys in all]

use std::path::Path;
use std::sync::Arc;

use pika_core::encoding::key;
use pika_core::encoding::meta::Meta;
use pika_core::engine::Family;
use pika_core::engine::rocks::{RocksEngine, RocksOptions};
use pika_core::keyspace::counts::AllCounts;
use pika_core::keyspace::handed::{Handed, HandedList};
use pika_core::keyspace::slot;
use pika_core::keyspace::write_behind::{HandOff, WriteBehind};

fn cpu_seconds(path: &str) -> f64 {
    let text = std::fs::read_to_string(path).expect("Linux");
    text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

fn process_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> =
        text.rsplit(')').next().map(|rest| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("ticks");
    (ticks(11) + ticks(12)) / 100.0
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let size = numbers.next().unwrap_or(8192);
    let memtable = numbers.next().unwrap_or(64);
    let total = numbers.next().unwrap_or(2) * 1_000_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = RocksOptions { write_buffer_bytes: memtable << 20, ..RocksOptions::default() };
    let engine = RocksEngine::open(Path::new(folder.path()), options).expect("RocksDB opens");
    let mut random = fastrand::Rng::with_seed(7);
    let mut writer = WriteBehind::default();
    let (mut spent, mut process, mut done, mut group) = (0.0, 0.0, 0usize, 0);
    while done < total {
        let mut handed = HandedList::default();
        // Each key once, as in a partition.
        let mut numbers = std::collections::BTreeSet::new();
        while numbers.len() < size {
            let number = random.u32(0..1_000_000);
            if numbers.insert(number) {
                let name = format!("key:{number:012}");
                let slot = slot::of_key(name.as_bytes());
                let place = key::meta(slot, 0, name.as_bytes());
                let value = Meta::string(&[b'x'; 64], None).encode();
                let record: Arc<[u8]> = [&place[..], &value].concat().into();
                handed.push(Handed::new(Family::Meta, record, place.len(), false, false));
            }
        }
        group += 1;
        let hand_off = HandOff {
            partition: 0,
            partitions: 1,
            group,
            reach: group,
            handed: Arc::new(handed),
            spent: Vec::new(),
            orphans: Vec::new(),
            counts: AllCounts::default(),
            next_version: 1,
            namespaces: None,
            dead: Vec::new(),
            functions: None,
        };
        let (before, all_before) = (cpu_seconds("/proc/thread-self/schedstat"), process_seconds());
        writer.apply(&engine, vec![hand_off]).expect("RocksDB writes");
        use pika_core::engine::Engine;
        if engine.unflushed_bytes() > (memtable as u64) << 20 {
            engine.flush(false).expect("RocksDB flushes");
        }
        spent += cpu_seconds("/proc/thread-self/schedstat") - before;
        process += process_seconds() - all_before;
        done += size;
    }
    let each = |seconds: f64| seconds * 1e6 / done as f64;
    println!(
        "hand-offs of {size}, memtable {memtable} MiB: {:.2} us a key in the thread, {:.2} in the process",
        each(spent),
        each(process)
    );
}
