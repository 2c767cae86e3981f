//! Intersections, unions and differences.

use std::collections::BTreeSet;

use super::*;

#[test]
fn sets_are_combined() {
    let prepare = "SADD a 1 2 3 4\nSADD b 3 4 5\nSADD c 4\nSET str x\n";
    let made = "(integer) 4\n(integer) 3\n(integer) 1\nOK\n";
    check(
        &format!(
            "{prepare}SINTER a b\nSINTER a b c\nSINTER a none b\nSINTER a\nSDIFF a b\nSDIFF a b c\nSDIFF none a\n\
             SDIFF a none\nSDIFF a a\nSDIFF a b c c c c c c c\nSUNION c none\nSUNION none none\nSINTERCARD 2 a b\n\
             SINTERCARD 2 a b LIMIT 1\nSINTERCARD 2 a b LIMIT 0\nSINTERCARD 1 a LIMIT 3\n\
             SINTERCARD 2 a b limit 9 LIMIT 1\nSINTERCARD 1 none\nSINTERCARD 2 a none"
        ),
        &format!(
            "{made}1) \"3\"\n2) \"4\"\n1) \"4\"\n(empty array)\n1) \"1\"\n2) \"2\"\n3) \"3\"\n4) \"4\"\n1) \"1\"\n\
             2) \"2\"\n1) \"1\"\n2) \"2\"\n(empty array)\n1) \"1\"\n2) \"2\"\n3) \"3\"\n4) \"4\"\n(empty array)\n\
             1) \"1\"\n2) \"2\"\n1) \"4\"\n(empty array)\n(integer) 2\n(integer) 1\n(integer) 2\n(integer) 3\n\
             (integer) 1\n(integer) 0\n(integer) 0"
        ),
    );
    check(
        &format!(
            "{prepare}SINTERSTORE r a b\nSMEMBERS r\nSUNIONSTORE r b c none\nSCARD r\nSDIFFSTORE a a b\nSMEMBERS a\n\
             SINTERSTORE r a none\nEXISTS r\nSUNIONSTORE str none\nEXISTS str\nSET str x EX 100\nSUNIONSTORE str c\n\
             TTL str\nSMEMBERS str\nSDIFFSTORE none none\nSUNIONSTORE b b b c\nSCARD b"
        ),
        &format!(
            "{made}(integer) 2\n1) \"3\"\n2) \"4\"\n(integer) 3\n(integer) 3\n(integer) 2\n1) \"1\"\n2) \"2\"\n\
             (integer) 0\n(integer) 0\n(integer) 0\n(integer) 0\nOK\n(integer) 1\n(integer) -1\n1) \"4\"\n\
             (integer) 0\n(integer) 3\n(integer) 3"
        ),
    );
}

#[test]
fn errors_are_those_of_redis() {
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n".repeat(9);
    check(
        "SADD s a b c\nSET str x\nSINTER none str\nSINTER s str\nSUNION none str\nSDIFF none str\nSDIFF s str\n\
         SINTERSTORE d none str\nSUNIONSTORE s s str\nSDIFFSTORE d str s\nSINTERCARD 2 none str\nSCARD s\nEXISTS d\n\
         SINTERCARD 0 s\nSINTERCARD x s\nSINTERCARD -1 s\nSINTERCARD 2 s\nSINTERCARD 9223372036854775807 s\n\
         SINTERCARD 1 s LIMIT -1\nSINTERCARD 1 s LIMIT x\nSINTERCARD 1 s LIMIT\nSINTERCARD 1 s s",
        &format!(
            "(integer) 3\nOK\n{wrong}(integer) 3\n(integer) 0\n(error) ERR numkeys should be greater than 0\n\
             (error) ERR numkeys should be greater than 0\n(error) ERR numkeys should be greater than 0\n\
             (error) ERR Number of keys can't be greater than number of args\n\
             (error) ERR Number of keys can't be greater than number of args\n\
             (error) ERR LIMIT can't be negative\n(error) ERR LIMIT can't be negative\n(error) ERR syntax error\n\
             (error) ERR syntax error"
        ),
    );
}

/// Every way to store each of three sets, every operation, hot and cold, in one partition and in several.
#[test]
fn results_do_not_depend_on_how_sets_are_stored() {
    let ranges = |sizes: [usize; 3]| [0..sizes[0], sizes[0] / 2..sizes[0] / 2 + sizes[1], 3..3 + sizes[2]];
    for sizes in [[10, 10, 10], [300, 20, 2000], [20, 2000, 300], [2000, 1500, 1000], [200, 9000, 200]] {
        for (partitions, cold) in [(1, false), (1, true), (3, true)] {
            let mut server = MiniServer::new(partitions);
            let mut models = Vec::new();
            for (key, range) in ["a", "b", "c"].into_iter().zip(ranges(sizes)) {
                add(&mut server, key, range.clone());
                models.push(range.map(|number| format!("m{number}")).collect::<BTreeSet<_>>());
            }
            let results: [(&str, BTreeSet<String>); 3] = [
                ("SINTER", &(&models[0] & &models[1]) & &models[2]),
                ("SUNION", &(&models[0] | &models[1]) | &models[2]),
                ("SDIFF", &(&models[0] - &models[1]) - &models[2]),
            ];
            for (command, expected) in results {
                let expected: Vec<String> = expected.into_iter().collect();
                if cold {
                    cool(&mut server);
                    server.engine.make_cold(true);
                }
                assert_eq!(sorted(&server.ask(&format!("{command} a b c"))), expected, "{command} {sizes:?}");
                let count = format!("(integer) {}", expected.len());
                assert_eq!(server.ask(&format!("{command}STORE r a b c")), count);
                assert_eq!(sorted(&server.ask("SMEMBERS r")), expected);
                assert_eq!(server.ask("SCARD r"), count);
                if command == "SINTER" {
                    assert_eq!(server.ask("SINTERCARD 3 c b a"), count);
                    let some = expected.len().min(5);
                    assert_eq!(server.ask("SINTERCARD 3 c b a LIMIT 5"), format!("(integer) {some}"));
                }
                // The destination is one of the sources.
                server.ask("SUNIONSTORE t a");
                assert_eq!(server.ask(&format!("{command}STORE t t b c")), count);
                assert_eq!(sorted(&server.ask("SMEMBERS t")), expected);
                server.engine.make_cold(false);
            }
        }
    }
}

/// However much is looked up, a command over cold sets is sent elsewhere but a few times.
#[test]
fn cold_sets_are_few_waits() {
    for (first, second) in [(100, 5000), (3000, 3000), (200, 60_000)] {
        let mut server = MiniServer::new(1);
        add(&mut server, "a", 0..first);
        add(&mut server, "b", 50..50 + second);
        for line in ["SINTER a b", "SDIFF a b", "SUNION a b", "SINTERSTORE c a b"] {
            cool(&mut server);
            server.engine.make_cold(true);
            let before = server.waits;
            server.ask(line);
            let waits = server.waits - before;
            server.engine.make_cold(false);
            assert!(waits <= 4, "{line} of {first} and {second}: {waits}");
        }
    }
}
