use std::collections::BTreeSet;

use super::*;
use crate::encoding::key;
use crate::keyspace::transaction::{Reach, Source};
use crate::testing::MiniServer;

/// A tree over a server's store, and a set that does the same.
struct Pair {
    server: MiniServer,
    /// What the owner keeps.
    kept: Vec<u8>,
    model: BTreeSet<Vec<u8>>,
}

impl Pair {
    fn new() -> Pair {
        let mut kept = Vec::new();
        CountedTree::new(0, KeyBuf::new()).encode(&mut kept);
        Pair { server: MiniServer::new(1), kept, model: BTreeSet::new() }
    }

    /// Runs `work` on the tree, and keeps what it did. Fetches what is missing, as often as it takes.
    fn run<T>(
        &mut self,
        mut work: impl FnMut(&mut CountedTree<'_>, &mut Transaction<'_>) -> Result<T, Stop>,
    ) -> T {
        loop {
            let partition = &mut self.server.partitions[0];
            let mut txn = Transaction::new(Source::One(partition), Reach::SERVING, self.server.now_ms, 0);
            let owner = txn.entry_blind(b"owner").unwrap();
            let mut prefix = key::collection(owner.slot, owner.namespace, 1);
            prefix.push(1);
            let mut tree = CountedTree::parse(owner.slot, prefix, &self.kept).unwrap();
            match work(&mut tree, &mut txn) {
                Ok(result) => {
                    tree.check(&mut txn);
                    tree.flush(&mut txn, &owner);
                    let mut kept = Vec::new();
                    tree.encode(&mut kept);
                    txn.commit([&b"PING"[..]].into_iter());
                    self.kept = kept;
                    return result;
                }
                Err(Stop::Need(needs)) => {
                    let _ = txn.abandon();
                    for need in needs {
                        let Need::Key(family, key) = need else { panic!("a range is asked for") };
                        let value = crate::engine::Read::get(
                            &self.server.engine,
                            family,
                            &key,
                            crate::engine::Tier::Disk,
                        )
                        .unwrap();
                        self.server.partitions[0].insert_read(family, &key, value.as_deref(), 0);
                    }
                }
                Err(stop) => panic!("{stop:?}"),
            }
        }
    }

    /// Nothing is in memory, and the store has to be asked.
    fn cool(&mut self) {
        self.server.engine.make_cold(false);
        self.server.write_behind();
        self.server.partitions[0].drop_cache();
        self.server.engine.make_cold(true);
    }

    fn insert(&mut self, keys: &[Vec<u8>]) {
        let added = self.run(|tree, txn| {
            tree.prefetch(txn, keys.iter().map(Vec::as_slice))?;
            keys.iter().map(|key| tree.insert(txn, key)).collect::<Result<Vec<bool>, Stop>>()
        });
        let expected: Vec<bool> = keys.iter().map(|key| self.model.insert(key.clone())).collect();
        assert_eq!(added, expected);
    }

    fn remove(&mut self, keys: &[Vec<u8>]) {
        let removed = self
            .run(|tree, txn| keys.iter().map(|key| tree.remove(txn, key)).collect::<Result<Vec<bool>, _>>());
        let expected: Vec<bool> = keys.iter().map(|key| self.model.remove(key)).collect();
        assert_eq!(removed, expected);
    }

    fn remove_at(&mut self, from: usize, count: usize) {
        let removed = self.run(|tree, txn| {
            let mut removed = Vec::new();
            tree.remove_at(txn, from as u64, count as u64, |key| removed.push(key.to_vec()))?;
            Ok(removed)
        });
        let expected: Vec<Vec<u8>> = self.model.iter().skip(from).take(count).cloned().collect();
        assert_eq!(removed, expected);
        expected.iter().for_each(|key| assert!(self.model.remove(key)));
    }

    fn rank(&mut self, key: &[u8]) {
        let rank = self.run(|tree, txn| tree.rank(txn, key));
        assert_eq!(rank, self.model.range(..key.to_vec()).count() as u64);
    }

    fn walk(&mut self, from: usize, count: usize, backwards: bool) {
        let found = self.run(|tree, txn| {
            let mut found = Vec::new();
            tree.walk(txn, from as u64, count as u64, backwards, &mut |key| {
                found.push(key.to_vec());
                true
            })?;
            Ok(found)
        });
        let mut all: Vec<&Vec<u8>> = self.model.iter().collect();
        if backwards {
            all.reverse();
        }
        assert!(found.iter().eq(all.into_iter().skip(from).take(count)));
    }
}

impl CountedTree<'_> {
    /// Every node is sound: levels, counts, separators, limits.
    fn check(&mut self, txn: &mut Transaction<'_>) {
        if self.len() > 1500 {
            return;
        }
        self.check_node(txn, ROOT, b"", None);
    }

    fn check_node(&mut self, txn: &mut Transaction<'_>, id: NodeId, low: &[u8], high: Option<&[u8]>) -> u64 {
        // What is cold is left alone: a check must not warm it.
        if self.load(txn, id).is_err() {
            return u64::MAX;
        }
        let node = self.bytes(id).to_vec();
        if tree_node::level(&node) == Some(LEAF) {
            let keys: Vec<Vec<u8>> = tree_node::keys(&node).map(|item| item.content.to_vec()).collect();
            assert!(keys.is_sorted() && (id == ROOT || !keys.is_empty()));
            assert!(keys.iter().all(|key| &key[..] >= low && high.is_none_or(|high| &key[..] < high)));
            assert!(node.len() <= LEAF_BYTES || keys.len() == 1 || keys.iter().any(|key| key.len() > 100));
            return keys.len() as u64;
        }
        let children: Vec<_> = tree_node::children(&node).map(|item| item.content).collect();
        assert!(node.len() <= INNER_BYTES || children.iter().any(|child| child.separator.len() > 100));
        assert!(id != ROOT || children.len() > 1);
        for (index, child) in children.iter().enumerate() {
            let low = if index == 0 { low } else { child.separator };
            let high = children.get(index + 1).map_or(high, |next| Some(next.separator));
            if tree_node::level(self.bytes(child.id)).is_some() {
                assert_eq!(tree_node::level(self.bytes(child.id)).map(|level| level + 1), Some(node[0]));
            }
            let count = self.check_node(txn, child.id, low, high);
            assert!(count == u64::MAX || count == child.count, "{count} keys, not {}", child.count);
        }
        tree_node::count(&node)
    }
}

fn key_of(random: &mut fastrand::Rng, range: u32, long: bool) -> Vec<u8> {
    let mut key = random.u32(0..range).to_be_bytes().to_vec();
    if long && random.u8(0..20) == 0 {
        key.resize(key.len() + random.usize(0..3000), b'x');
    }
    key.extend_from_slice(b"key");
    key
}

#[test]
fn it_does_what_a_set_does() {
    for seed in 0..16 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (range, long) = ([30, 2_000, 1_000_000][random.usize(0..3)], random.bool());
        let mut pair = Pair::new();
        for round in 0..400 {
            // It grows, and then shrinks again.
            let growing = round < 200;
            let keys: Vec<Vec<u8>> =
                (0..random.usize(1..40)).map(|_| key_of(&mut random, range, long)).collect();
            match random.u8(0..10) {
                0..5 if growing => pair.insert(&keys),
                5 if !growing => pair.insert(&keys),
                0..5 => {
                    let from = random.usize(0..pair.model.len() + 2);
                    pair.remove_at(from, random.usize(0..30));
                }
                5 | 6 => {
                    let known: Vec<Vec<u8>> =
                        pair.model.iter().skip(random.usize(0..50)).step_by(7).cloned().collect();
                    pair.remove(if random.bool() { &known } else { &keys });
                }
                7 => pair.cool(),
                8 => pair.rank(&keys[0]),
                _ => {
                    let from = random.usize(0..pair.model.len() + 2);
                    pair.walk(from, random.usize(0..200), random.bool());
                }
            }
            pair.server.engine.make_cold(random.bool());
        }
        pair.walk(0, usize::MAX, false);
        pair.walk(0, usize::MAX, true);
        let all = pair.model.len();
        pair.remove_at(0, all);
        assert_eq!(pair.kept[1..].last(), Some(&0), "an empty leaf is left");
        pair.server.engine.make_cold(false);
        pair.server.write_behind();
        assert!(pair.server.engine.dump(Family::Element).is_empty(), "no node is left behind");
    }
}

/// How many nodes there are, and their bytes.
fn nodes(pair: &mut Pair) -> (usize, usize) {
    pair.server.write_behind();
    let nodes = pair.server.engine.dump(Family::Element);
    (nodes.len(), nodes.iter().map(|(_, value)| value.len()).sum())
}

#[test]
fn keys_that_come_in_order_fill_their_nodes() {
    let mut pair = Pair::new();
    for part in (0..20_000u32).collect::<Vec<_>>().chunks(500) {
        pair.insert(
            &part
                .iter()
                .map(|number| [&number.to_be_bytes()[..], b"0123456789"].concat())
                .collect::<Vec<_>>(),
        );
    }
    let (count, bytes) = nodes(&mut pair);
    assert!(bytes / count > LEAF_BYTES * 9 / 10, "{bytes} in {count} nodes");
    // Queues take at one end what they give at the other, and leave nothing behind.
    pair.remove_at(0, 19_990);
    assert!(nodes(&mut pair).0 <= 1);
}

#[test]
fn keys_in_any_order_fill_more_than_half() {
    let mut pair = Pair::new();
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..200 {
        pair.insert(&(0..100).map(|_| random.u64(..).to_be_bytes().repeat(3)).collect::<Vec<_>>());
    }
    let (count, bytes) = nodes(&mut pair);
    assert!(bytes / count > LEAF_BYTES * 6 / 10, "{bytes} in {count} nodes");
    // What is thinned out is joined.
    let odd: Vec<Vec<u8>> =
        pair.model.iter().enumerate().filter(|(n, _)| n % 10 != 0).map(|(_, k)| k.clone()).collect();
    odd.chunks(100).for_each(|part| pair.remove(part));
    let (thin, bytes) = nodes(&mut pair);
    assert!(thin < count / 3 && bytes / thin > LEAF_BYTES / 5, "{bytes} in {thin} of {count} nodes");
}

#[test]
fn a_look_up_in_a_big_tree_reads_a_node_a_level() {
    let mut pair = Pair::new();
    for part in (0..30_000u64).collect::<Vec<_>>().chunks(1000) {
        pair.insert(
            &part.iter().map(|number| (number * 7919 % 30_000).to_be_bytes().repeat(2)).collect::<Vec<_>>(),
        );
    }
    pair.cool();
    let before = pair.server.partitions[0].stats.disk_reads;
    pair.rank(&12_345u64.to_be_bytes());
    let reads = pair.server.partitions[0].stats.disk_reads - before;
    assert!((1..=2).contains(&reads), "{reads} nodes of 30000 keys");
    pair.walk(15_000, 100, false);
    let more = pair.server.partitions[0].stats.disk_reads - before - reads;
    assert!(more <= 7, "{more} nodes for a hundred keys");
}

#[test]
fn what_the_owner_keeps_is_in_the_document() {
    let mut pair = Pair::new();
    pair.insert(&[b"b".to_vec(), b"a".to_vec()]);
    assert_eq!(pair.kept, b"\x01\x00\x01a\x01b");
    assert!(CountedTree::parse(0, KeyBuf::new(), b"").is_none());
    assert!(CountedTree::parse(0, KeyBuf::new(), b"\x01").is_none());
}
