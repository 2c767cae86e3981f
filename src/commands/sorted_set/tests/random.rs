use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn answers_have_redis_s_shape() {
    check(
        "ZADD z 1 a\nZRANDMEMBER z\nZRANDMEMBER z 5\nZRANDMEMBER z -2\nZRANDMEMBER z 1 WITHSCORES\nZRANDMEMBER z 0\n\
         ZRANDMEMBER none\nZRANDMEMBER none 5\nZRANDMEMBER none -5 WITHSCORES\nZRANDMEMBER z x\n\
         ZRANDMEMBER z -9223372036854775808\nZRANDMEMBER z -9223372036854775807 WITHSCORES\nZRANDMEMBER z 1 x\n\
         ZRANDMEMBER z 1 WITHSCORES x\nZRANDMEMBER z -9223372036854775807",
        r#"(integer) 1
"a"
1) "a"
1) "a"
2) "a"
1) "a"
2) "1"
(empty array)
(nil)
(empty array)
(empty array)
(error) ERR value is not an integer or out of range
(error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
(error) ERR value is out of range
(error) ERR syntax error
(error) ERR syntax error
(error) ERR value is out of range"#,
    );
}

#[test]
fn every_member_has_the_same_chance() {
    for (members, count) in [(10, 1), (10, -1), (10, 3), (400, 1), (400, -5), (400, 5), (400, 200)] {
        let mut server = with_members(1, members);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let wanted = 60 * members;
        let rounds = wanted / (count as i64).unsigned_abs() as usize;
        for _ in 0..rounds {
            let found = items(&server.ask(&format!("ZRANDMEMBER z {count}")));
            let unique: BTreeSet<&String> = found.iter().collect();
            assert_eq!(found.len() as i64, (count as i64).abs());
            assert!(count < 0 || unique.len() == found.len(), "none twice");
            found.into_iter().for_each(|member| *seen.entry(member).or_default() += 1);
        }
        // Sixty of each are expected; a deviation is eight, and 25 is less than once in ten thousand.
        assert_eq!(seen.len(), members);
        assert!(seen.values().all(|&times| (20..=110).contains(&times)), "{members} {count}: {seen:?}");
    }
}

#[test]
fn cold_members_are_chosen_too() {
    let mut server = with_members(1, 3000);
    for (line, count) in
        [("ZRANDMEMBER z 5", 5), ("ZRANDMEMBER z -7 WITHSCORES", 14), ("ZRANDMEMBER z 2999", 2999)]
    {
        cool(&mut server);
        server.waits = 0;
        assert_eq!(items(&server.ask(line)).len(), count);
        assert!(server.waits <= 4, "{line}: {} waits", server.waits);
    }
}
