//! The registry by itself, and against a naive one.

use super::*;

const KINDS: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

fn receivers(registry: &Registry<u64>, channel: &[u8]) -> Vec<(Option<Vec<u8>>, u64)> {
    let mut found: Vec<_> =
        registry.subscribers(Kind::Channel, channel).map(|&client| (None, client)).collect();
    for (pattern, clients) in registry.matching(channel) {
        found.extend(clients.map(|&client| (Some(pattern.to_vec()), client)));
    }
    found.sort();
    found
}

#[test]
fn a_client_gets_a_message_once_for_its_channel_and_once_for_each_pattern() {
    let mut registry = Registry::default();
    assert!(registry.subscribe(Kind::Channel, 1, b"news", 1));
    assert!(!registry.subscribe(Kind::Channel, 1, b"news", 1));
    assert!(registry.subscribe(Kind::Pattern, 1, b"n*", 1));
    assert!(registry.subscribe(Kind::Pattern, 2, b"n*", 2));
    assert!(registry.subscribe(Kind::Shard, 3, b"news", 3));
    let pattern = Some(b"n*".to_vec());
    assert_eq!(receivers(&registry, b"news"), [(None, 1), (pattern.clone(), 1), (pattern, 2)]);
    assert_eq!(receivers(&registry, b"olds"), []);
    assert_eq!(registry.counts(1), Counts { channels: 1, patterns: 1, shards: 0 });
    assert_eq!(
        (registry.counts(1).confirmed(Kind::Channel), registry.counts(3).confirmed(Kind::Shard)),
        (2, 1)
    );
}

#[test]
fn a_client_that_is_gone_leaves_nothing() {
    let mut registry = Registry::default();
    for kind in KINDS {
        for name in [&b"a"[..], b"b"] {
            registry.subscribe(kind, 7, name, 7);
        }
    }
    registry.remove(7);
    assert_eq!(KINDS.map(|kind| registry.len(kind)), [0; 3]);
    assert_eq!((registry.clients(), registry.counts(7)), (0, Counts::default()));
}

#[test]
fn names_are_listed_by_pattern() {
    let mut registry = Registry::default();
    for (client, name) in [(1, &b"foo"[..]), (2, b"bar"), (3, b"foo")] {
        registry.subscribe(Kind::Channel, client, name, client);
    }
    assert_eq!(registry.names(Kind::Channel, None), [b"bar".to_vec(), b"foo".to_vec()]);
    assert_eq!(registry.names(Kind::Channel, Some(b"f*")), [b"foo".to_vec()]);
    assert_eq!(registry.subscribers(Kind::Channel, b"foo").len(), 2);
    assert_eq!(registry.subscribers(Kind::Channel, b"none").len(), 0);
}

/// A list of who is subscribed to what, and nothing else.
#[derive(Default)]
struct Model(Vec<(usize, u64, Vec<u8>)>);

#[test]
fn it_does_what_a_list_of_subscriptions_does() {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut registry, mut model) = (Registry::default(), Model::default());
    for _ in 0..20_000 {
        let (place, client) = (random.usize(..3), random.u64(1..6));
        let name = random.choice([&b"a"[..], b"b", b"?", b"a*", b"*", b"[ab]"]).expect("not empty").to_vec();
        let row = (place, client, name.clone());
        let known = model.0.contains(&row);
        match random.u8(..10) {
            0..5 => {
                assert_eq!(registry.subscribe(KINDS[place], client, &name, client), !known);
                if !known {
                    model.0.push(row);
                }
            }
            5..9 => {
                assert_eq!(registry.unsubscribe(KINDS[place], client, &name), known);
                model.0.retain(|other| *other != row);
            }
            _ => {
                registry.remove(client);
                model.0.retain(|(_, other, _)| *other != client);
            }
        }
        let count = |kind: usize| model.0.iter().filter(|row| row.0 == kind && row.1 == client).count();
        let counts = Counts { channels: count(0), patterns: count(1), shards: count(2) };
        assert_eq!(registry.counts(client), counts);
        let mut expected = Vec::new();
        for (place, client, name) in &model.0 {
            match place {
                0 if *name == b"a" => expected.push((None, *client)),
                1 if glob_match(name, b"a", false) => expected.push((Some(name.clone()), *client)),
                _ => {}
            }
        }
        expected.sort();
        assert_eq!(receivers(&registry, b"a"), expected);
        let mut own: Vec<_> =
            model.0.iter().filter(|row| row.0 == place && row.1 == client).map(|row| row.2.clone()).collect();
        own.sort();
        assert_eq!(registry.names_of(KINDS[place], client), own);
    }
}
