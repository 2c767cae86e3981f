//! Which events string commands tell of.

use crate::config::Events;
use crate::testing::MiniServer;

#[test]
fn events_have_redis_s_names_and_classes() {
    let mut server = MiniServer::new(1);
    server.settings.events = Events::ALL;
    let name_of = |class: Events| match class {
        Events::STRING => "$",
        Events::GENERIC => "g",
        Events::EXPIRED => "x",
        _ => "?",
    };
    for (line, expected) in [
        ("SET k 1", "$set"),
        ("SET k 1 EX 100", "$set gexpire"),
        ("SET k 1 KEEPTTL", "$set"),
        ("SET k 2 PXAT 1700000100000 GET", "$set gexpire"),
        ("SET k 2 NX", ""),
        ("SET k 2 XX", "$set"),
        ("SET k 3 VX 2", "$set"),
        ("SET k 3 VX 2", ""),
        ("SET k 1 PXAT 1", "$set gexpire xexpired"),
        ("SETNX k 1", "$set"),
        ("SETNX k 1", ""),
        ("SETEX k 10 1", "$set gexpire"),
        ("PSETEX k 10 1", "$set gexpire"),
        ("PKSETEXAT k 1800000000 1", "$set gexpire"),
        ("MSET k 1 l 2", "$set $set"),
        ("MSETNX k 1 m 2", ""),
        ("MSETNX n 1 m 2", "$set $set"),
        ("GETSET k 5", "$set"),
        ("INCR k", "$incrby"),
        ("DECR k", "$incrby"),
        ("INCRBY k 5", "$incrby"),
        ("DECRBY k 5", "$incrby"),
        ("INCRBY k x", ""),
        ("INCRBYFLOAT k 1.5", "$incrbyfloat"),
        ("APPEND k x", "$append"),
        ("APPEND new x", "$append"),
        ("SETRANGE k 1 y", "$setrange"),
        ("SETRANGE k 1 \"\"", ""),
        ("SETRANGE k 100000 y", "$setrange"),
        ("APPEND k y", "$append"),
        ("GET k", ""),
        ("GETEX k", ""),
        ("GETEX k PERSIST", ""),
        ("GETEX k EX 10", "gexpire"),
        ("GETEX k PERSIST", "gpersist"),
        ("GETEX k PXAT 1", "gdel"),
        ("GETDEL k", ""),
        ("GETDEL l", "gdel"),
        ("DELVX n 2", ""),
        ("DELVX n 1", "gdel"),
    ] {
        server.partitions[0].events.clear();
        server.ask(line);
        let events = server.partitions[0].events.iter();
        let found: Vec<_> = events.map(|event| format!("{}{}", name_of(event.class), event.name)).collect();
        assert_eq!(found.join(" "), expected, "{line}");
    }
}
