//! The table by itself, and against a naive one.

use super::*;

fn plain() -> Options {
    Options::default()
}

fn broadcasting(prefixes: &[&[u8]]) -> Options {
    let prefixes = prefixes.iter().map(|prefix| prefix.to_vec()).collect();
    Options { broadcast: true, prefixes, ..Options::default() }
}

fn told(client: u64) -> Told {
    Told { client, redirect: None }
}

#[test]
fn a_reader_is_told_once_and_forgotten() {
    let mut table = Table::default();
    table.enable(1, &plain());
    table.enable(2, &Options { redirect: Some(9), ..plain() });
    table.remember(1, [&b"a"[..], b"b", b"a"].into_iter());
    table.remember(2, [&b"a"[..]].into_iter());
    assert_eq!((table.keys(), table.items()), (2, 3));
    assert_eq!(table.changed(b"a", 0), [told(1), Told { client: 2, redirect: Some(9) }]);
    assert_eq!(table.changed(b"a", 0), []);
    assert_eq!((table.keys(), table.items()), (1, 1));
}

#[test]
fn who_does_not_want_to_hear_of_itself_does_not() {
    let mut table = Table::default();
    table.enable(1, &Options { no_loop: true, ..plain() });
    table.remember(1, [&b"a"[..], b"b"].into_iter());
    assert_eq!(table.changed(b"a", 1), []);
    assert_eq!(table.changed(b"b", 2), [told(1)]);
}

#[test]
fn what_was_read_before_broadcasting_is_not_told_by_key() {
    let mut table = Table::default();
    table.enable(1, &plain());
    table.remember(1, [&b"a"[..]].into_iter());
    table.disable(1);
    table.enable(1, &broadcasting(&[b""]));
    assert_eq!(table.changed(b"a", 0), []);
    assert_eq!(table.broadcast(&[(b"a", 0)]), [News { told: vec![told(1)], keys: vec![b"a".to_vec()] }]);
}

#[test]
fn broadcasts_go_by_prefix_and_gather_keys() {
    let mut table = Table::default();
    table.enable(1, &broadcasting(&[b"a:", b"b:"]));
    table.enable(2, &Options { no_loop: true, ..broadcasting(&[b"a:"]) });
    let changed: [(&[u8], u64); 5] = [(b"a:2", 2), (b"a:1", 1), (b"b:1", 1), (b"c:1", 1), (b"a:1", 1)];
    let keys = |names: &[&[u8]]| names.iter().map(|name| name.to_vec()).collect::<Vec<_>>();
    assert_eq!(
        table.broadcast(&changed),
        [
            News { told: vec![told(2)], keys: keys(&[b"a:1"]) },
            News { told: vec![told(1)], keys: keys(&[b"a:1", b"a:2"]) },
            News { told: vec![told(1)], keys: keys(&[b"b:1"]) },
        ]
    );
    table.disable(1);
    table.disable(2);
    assert_eq!((table.prefixes(), table.clients()), (0, 0));
    assert_eq!(table.broadcast(&changed), []);
}

#[test]
fn emptied_databases_concern_all_who_track() {
    let mut table = Table::default();
    table.enable(1, &plain());
    table.enable(2, &broadcasting(&[b"x"]));
    table.remember(1, [&b"a"[..]].into_iter());
    assert_eq!(table.flushed(), [told(1), told(2)]);
    assert_eq!((table.keys(), table.items()), (0, 0));
}

#[test]
fn past_its_limit_it_forgets_keys_and_says_so() {
    let mut table = Table::default();
    table.enable(1, &plain());
    let names: Vec<Vec<u8>> = (0..250).map(|number| format!("key{number}").into_bytes()).collect();
    table.remember(1, names.iter().map(Vec::as_slice));
    let mut random = fastrand::Rng::with_seed(5);
    assert_eq!(table.shrink(0, &mut random), []);
    let forgotten = table.shrink(1, &mut random);
    assert_eq!((forgotten.len(), table.keys(), table.items()), (249, 1, 1));
    assert!(forgotten.iter().all(|(_, who)| *who == [told(1)]));
    let left = names.iter().filter(|name| !table.changed(name, 0).is_empty()).count();
    assert_eq!(left, 1);
}

#[test]
fn it_does_what_a_list_of_reads_does() {
    let mut random = fastrand::Rng::with_seed(3);
    let (mut table, mut reads) = (Table::default(), BTreeSet::<(u8, u64)>::new());
    let mut tracking = BTreeMap::<u64, bool>::new();
    for _ in 0..20_000 {
        let (key, client) = (random.u8(..20), random.u64(1..6));
        match random.u8(..10) {
            // Only who tracks has its keys remembered.
            0..5 if tracking.contains_key(&client) => {
                table.remember(client, [&[key][..]].into_iter());
                reads.insert((key, client));
            }
            5..8 => {
                let expected: BTreeSet<u64> = reads
                    .iter()
                    .filter(|(other, _)| *other == key)
                    .filter(|(_, id)| tracking.get(id).is_some_and(|no_loop| !(*no_loop && *id == client)))
                    .map(|(_, id)| *id)
                    .collect();
                reads.retain(|(other, _)| *other != key);
                let found: BTreeSet<u64> =
                    table.changed(&[key], client).iter().map(|told| told.client).collect();
                assert_eq!(found, expected);
            }
            8 | 0..5 => {
                let no_loop = random.bool();
                table.enable(client, &Options { no_loop, ..plain() });
                tracking.insert(client, no_loop);
            }
            _ => {
                table.disable(client);
                tracking.remove(&client);
                if tracking.is_empty() {
                    reads.clear();
                }
            }
        }
        assert_eq!((table.items(), table.clients()), (reads.len(), tracking.len()));
        let keys: BTreeSet<u8> = reads.iter().map(|(key, _)| *key).collect();
        assert_eq!(table.keys(), keys.len());
    }
}
