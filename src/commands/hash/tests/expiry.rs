//! Expiries of fields.

use super::*;
use crate::engine::Family;

const NONE: &str = "1) (integer) -2";

#[test]
fn replies_are_those_of_redis_7_4() {
    check(
        "HEXPIRE none 10 FIELDS 2 a b\nHSET h a 1 b 2 c 3\nHEXPIRE h 10 FIELDS 2 a none\nHTTL h FIELDS 3 a b none\n\
         HPTTL h FIELDS 1 a\nHEXPIRETIME h FIELDS 1 a\nHPEXPIRETIME h FIELDS 2 a b\nHEXPIRE h 20 NX FIELDS 2 a b\n\
         HEXPIRE h 30 XX FIELDS 2 a c\nHEXPIRE h 25 GT FIELDS 3 a b c\nHEXPIRE h 25 LT FIELDS 3 a b c\n\
         HPERSIST h FIELDS 3 a none c\nHPERSIST h FIELDS 1 a\nHEXPIRE h 0 FIELDS 2 a a\nHPEXPIREAT h 1 FIELDS 1 b\n\
         HEXPIREAT h 9999999999 FIELDS 1 c\nHGETALL h\nHPEXPIRE h 0 FIELDS 1 c\nHLEN h\nHTTL h FIELDS 1 c",
        "1) (integer) -2\n2) (integer) -2\n(integer) 3\n1) (integer) 1\n2) (integer) -2\n\
         1) (integer) 10\n2) (integer) -1\n3) (integer) -2\n1) (integer) 10000\n1) (integer) 1700000010\n\
         1) (integer) 1700000010000\n2) (integer) -1\n1) (integer) 0\n2) (integer) 1\n\
         1) (integer) 1\n2) (integer) 0\n1) (integer) 0\n2) (integer) 1\n3) (integer) 0\n\
         1) (integer) 1\n2) (integer) 0\n3) (integer) 1\n1) (integer) 1\n2) (integer) -2\n3) (integer) 1\n\
         1) (integer) -1\n1) (integer) 2\n2) (integer) -2\n1) (integer) 2\n1) (integer) 1\n1) \"c\"\n2) \"3\"\n\
         1) (integer) 2\n(integer) 0\n1) (integer) -2",
    );
}

#[test]
fn errors_name_what_is_wrong() {
    let missing = "(error) ERR Mandatory argument FIELDS is missing or not at the right position\n";
    let number = "(error) ERR Parameter `numFields` should be greater than 0\n";
    let count = "(error) ERR The `numfields` parameter must match the number of arguments\n";
    let positive = "(error) ERR Number of fields must be a positive integer\n";
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n";
    let time = "(error) ERR invalid expire time, must be >= 0\n";
    let not_integer = "(error) ERR value is not an integer or out of range\n";
    let invalid = |name: &str| format!("(error) ERR invalid expire time in '{name}' command\n");
    check(
        "SET s x\nHSET h a 1\nHEXPIRE h 10 a b c\nHEXPIRE h 10 NX XX FIELDS 1 a\nHEXPIRE h 10 FIELDS 0 a\n\
         HEXPIRE h 10 FIELDS x a\nHEXPIRE h 10 FIELDS 2 a\nHEXPIRE h 10 NX FIELDS 1\nHEXPIRE s x FIELDS 1 a\n\
         HEXPIRE h -1 FIELDS 1 a\nHEXPIRE h x FIELDS 1 a\nHEXPIRE h 9223372036854775807 FIELDS 1 a\n\
         HPEXPIRE h 70368744177663 FIELDS 1 a\nHPEXPIREAT h 70368744177664 FIELDS 1 a\n\
         HPEXPIREAT h 70368744177663 FIELDS 1 a\nHEXPIREAT h 70368744178 FIELDS 1 a\nHTTL h x 1 a\nHTTL h FIELDS 0 a\n\
         HTTL h FIELDS 9223372036854775807 a\nHTTL s FIELDS 1 a\nHPERSIST h FIELDS -1 a\nHPERSIST h FIELDS 2 a",
        &format!(
            "OK\n(integer) 1\n{missing}{missing}{number}{number}{count}{count}{wrong}{time}{not_integer}{}{}{}\
             1) (integer) 1\n{}{missing}{positive}{count}{wrong}{positive}{count}",
            invalid("hexpire"),
            invalid("hpexpire"),
            invalid("hpexpireat"),
            invalid("hexpireat")
        ),
    );
}

#[test]
fn a_field_whose_time_has_come_is_hidden_and_can_be_set_again() {
    check(
        "HSET h a 1 b 2 c 5\nHPEXPIRE h 100 FIELDS 2 a c\n# wait 99\nHGET h a\n# wait 1\nHGET h a\nHEXISTS h a\n\
         HMGET h a b\nHGETALL h\nHLEN h\nHDEL h a\nHSETNX h c 7\nHTTL h FIELDS 1 c\nHINCRBY h a 2\nHTTL h FIELDS 1 a",
        "(integer) 3\n1) (integer) 1\n2) (integer) 1\n\"1\"\n(nil)\n(integer) 0\n1) (nil)\n2) \"2\"\n\
         1) \"b\"\n2) \"2\"\n(integer) 1\n(integer) 0\n(integer) 1\n1) (integer) -1\n(integer) 2\n1) (integer) -1",
    );
}

#[test]
fn setting_takes_the_expiry_and_arithmetic_keeps_it() {
    check(
        "HSET h a 1 b 2 c 3\nHPEXPIRE h 1000 FIELDS 3 a b c\nHSET h a 2\nHINCRBY h b 1\nHINCRBYFLOAT h c 0.5\n\
         HPTTL h FIELDS 3 a b c",
        "(integer) 3\n1) (integer) 1\n2) (integer) 1\n3) (integer) 1\n(integer) 0\n(integer) 3\n\"3.5\"\n\
         1) (integer) -1\n2) (integer) 1000\n3) (integer) 1000",
    );
}

/// Both forms.
fn each_form(test: impl Fn(MiniServer, usize)) {
    for count in [3, 300] {
        test(with_hash(2, count), count);
    }
}

#[test]
fn the_index_has_each_expiry_once_and_no_other() {
    each_form(|mut server, count| {
        let indexed = |server: &mut MiniServer| {
            server.write_behind();
            server.engine.dump(Family::Expiry).len()
        };
        server.ask("HPEXPIRE h 100 FIELDS 3 f0 f1 f2");
        assert_eq!(indexed(&mut server), 3);
        server.ask("HPEXPIRE h 200 FIELDS 1 f0");
        assert_eq!(indexed(&mut server), 3);
        server.ask("HSET h f0 x");
        assert_eq!(indexed(&mut server), 2);
        server.ask("HPERSIST h FIELDS 1 f1");
        assert_eq!(indexed(&mut server), 1);
        server.ask("HDEL h f2");
        assert_eq!(indexed(&mut server), 0);
        assert_eq!(server.ask("HLEN h"), format!("(integer) {}", count - 1));
    });
}

#[test]
fn the_expirer_removes_what_is_due_through_the_log() {
    each_form(|mut server, count| {
        server.ask("HPEXPIRE h 100 FIELDS 2 f0 f1");
        server.ask("HPEXPIRE h 500 FIELDS 1 f2");
        server.now_ms += 100;
        server.expire();
        assert_eq!(server.ask("HLEN h"), format!("(integer) {}", count - 2));
        assert_eq!(server.engine.dump(Family::Expiry).len(), 1);
        let mut server = server.crash(1);
        assert_eq!(server.ask("HLEN h"), format!("(integer) {}", count - 2));
        let log = server.log.clone();
        let mut replayed = MiniServer::open(crate::engine::memory::MemoryEngine::new(), 3, log);
        assert_eq!(replayed.ask("HLEN h"), format!("(integer) {}", count - 2));
    });
}

#[test]
fn a_key_goes_with_its_last_field() {
    each_form(|mut server, count| {
        for field in 0..count {
            assert_eq!(server.ask(&format!("HPEXPIRE h {} FIELDS 1 f{field}", 10 + field)), "1) (integer) 1");
        }
        server.now_ms += 1000;
        assert_eq!(server.ask("HGETALL h"), "(empty array)");
        assert_eq!(server.ask("HRANDFIELD h"), "(nil)");
        server.expire();
        assert!(server.keys().is_empty());
        assert!(server.engine.dump(Family::Expiry).is_empty());
    });
}

#[test]
fn a_stale_index_entry_removes_nothing() {
    each_form(|mut server, count| {
        server.ask("HPEXPIRE h 100 FIELDS 1 f0");
        // The key is replaced as a whole; its fields' index entries stay.
        server.ask("SET h x");
        assert_eq!(server.ask("HTTL h FIELDS 1 f0").split(' ').next(), Some("(error)"));
        server.now_ms += 1000;
        server.expire();
        assert_eq!(server.ask("GET h"), "\"x\"");
        assert!(server.engine.dump(Family::Expiry).is_empty(), "{count}");
    });
}

#[test]
fn an_effect_names_no_relative_time_and_no_condition() {
    let mut server = with_hash(1, 2);
    let from = server.log.len();
    server.ask("HEXPIRE h 10 NX FIELDS 2 f0 none");
    server.ask("HEXPIRE h 0 FIELDS 1 f1");
    server.ask("HINCRBYFLOAT h f0 1.5");
    server.ask("HEXPIRE h 10 FIELDS 1 none");
    let log: Vec<String> = server.log[from..]
        .iter()
        .map(|record| String::from_utf8_lossy(&record.payload).replace("\r\n", " "))
        .collect();
    assert_eq!(
        log,
        [
            "*6 $10 HPEXPIREAT $1 h $13 1700000010000 $6 FIELDS $1 1 $2 f0 ",
            "*3 $4 HDEL $1 h $2 f1 ",
            "*1 $5 MULTI *4 $4 HSET $1 h $2 f0 $3 1.5 *6 $10 HPEXPIREAT $1 h $13 1700000010000 $6 FIELDS $1 1 $2 \
             f0 *1 $4 EXEC ",
        ]
    );
    assert_eq!(server.ask("HTTL h FIELDS 1 f1"), NONE);
}
