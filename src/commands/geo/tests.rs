//! Commands on places.

use crate::config::Events;
use crate::resp::Protocol;
use crate::testing::{MiniServer, check};

const SICILY: &str = "GEOADD s 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

#[test]
fn places_are_added_told_and_measured() {
    check(
        &format!(
            "{SICILY}\nZSCORE s Palermo\nTYPE s\nGEOPOS s Palermo none Catania\nGEOHASH s Palermo none\nGEODIST s Palermo Catania
             GEODIST s Palermo Catania KM\nGEODIST s Palermo Catania mi\nGEODIST s Palermo Catania ft
             GEODIST s Palermo Palermo\nGEODIST s Palermo none\nGEODIST none a b\nGEOPOS none a\nGEOHASH none a b\nGEOPOS s"
        ),
        "(integer) 2\n\"3479099956230698\"\nzset
1) 1) \"13.36138933897018433\"\n   2) \"38.11555639549629859\"\n2) (nil)\n3) 1) \"15.08726745843887329\"\n   2) \"37.50266842333162032\"
1) \"sqc8b49rny0\"\n2) (nil)\n\"166274.1516\"\n\"166.2742\"\n\"103.3182\"\n\"545518.8700\"\n\"0.0000\"\n(nil)\n(nil)\n1) (nil)
1) (nil)\n2) (nil)\n(empty array)",
    );
}

#[test]
fn geoadd_has_the_options_of_zadd() {
    check(
        "GEOADD g 1 1 a\nGEOADD g 1 1 a\nGEOADD g CH 2 2 a\nGEOADD g NX 3 3 a 4 4 b\nGEOADD g XX CH 3 3 a 5 5 c\nZCARD g
         GEOADD g NX XX 1 1 a\nGEOADD g CH 1 1\nGEOADD g nx ch xx\nGEOADD g 1 x a\nGEOADD g 1 1 a 181 0 b
         GEOADD g 0 -86 b\nGEOADD g inf 0 b\nSET t v\nGEOADD t 1 1 a\nGEOADD t 1 200 a",
        "(integer) 1\n(integer) 0\n(integer) 1\n(integer) 1\n(integer) 1\n(integer) 2
(error) ERR syntax error\n(error) ERR syntax error\n(error) ERR syntax error\n(error) ERR value is not a valid float
(error) ERR invalid longitude,latitude pair 181.000000,0.000000
(error) ERR invalid longitude,latitude pair 0.000000,-86.000000
(error) ERR invalid longitude,latitude pair inf,0.000000\nOK
(error) WRONGTYPE Operation against a key holding the wrong kind of value
(error) ERR invalid longitude,latitude pair 1.000000,200.000000",
    );
}

#[test]
fn circles_and_boxes_are_searched() {
    check(
        &format!(
            "{SICILY}\nGEOADD s 12.758489 38.788135 edge1 17.241510 38.788135 edge2
             GEOSEARCH s FROMLONLAT 15 37 BYRADIUS 200 km ASC
             GEOSEARCH s FROMLONLAT 15 37 BYBOX 400 400 km DESC WITHDIST
             GEOSEARCH s frommember Palermo byradius 200 km COUNT 1 WITHCOORD WITHDIST WITHHASH
             GEORADIUS s 15 37 200 km COUNT 1 DESC\nGEORADIUS_RO s 15 37 200 km COUNT 1\nGEORADIUSBYMEMBER s Catania 100 mi WITHDIST ASC
             GEORADIUSBYMEMBER_RO s Catania 1 m\nGEOSEARCH s FROMLONLAT 0 0 BYRADIUS 1 km\nGEOSEARCH none FROMLONLAT 0 0 BYRADIUS 1 km
             GEORADIUSBYMEMBER none x 1 km\nGEORADIUS s 15 37 500 km COUNT 1 ANY"
        ),
        "(integer) 2\n(integer) 2\n1) \"Catania\"\n2) \"Palermo\"
1) 1) \"edge1\"\n   2) \"279.7405\"\n2) 1) \"edge2\"\n   2) \"279.7403\"\n3) 1) \"Palermo\"\n   2) \"190.4424\"\n4) 1) \"Catania\"\n   2) \"56.4413\"
1) 1) \"Palermo\"\n   2) \"0.0000\"\n   3) (integer) 3479099956230698\n   4) 1) \"13.36138933897018433\"\n      2) \"38.11555639549629859\"
1) \"Palermo\"\n1) \"Catania\"\n1) 1) \"Catania\"\n   2) \"0.0000\"
1) \"Catania\"\n(empty array)\n(empty array)\n(empty array)\n1) \"Palermo\"",
    );
}

#[test]
fn what_is_found_is_stored() {
    check(
        &format!(
            "{SICILY}\nSET {{s}}d old\nEXPIRE {{s}}d 100\nGEOSEARCHSTORE {{s}}d s FROMLONLAT 15 37 BYRADIUS 200 km\nTTL {{s}}d
             ZRANGE {{s}}d 0 -1 WITHSCORES\nGEORADIUS s 15 37 200 km STOREDIST e COUNT 1\nZRANGE e 0 -1\nGEODIST s Catania Palermo
             GEORADIUSBYMEMBER s Palermo 1 km STORE s\nZRANGE s 0 -1\nGEOSEARCHSTORE e s FROMLONLAT 0 0 BYBOX 1 1 m\nEXISTS e
             GEOSEARCHSTORE e none FROMMEMBER x BYRADIUS 1 m STOREDIST\nGEORADIUSBYMEMBER none x 1 km STORE {{s}}d\nEXISTS {{s}}d
             GEORADIUS s 13 38 500 km STOREDIST STORE\nTYPE STORE\nGEORADIUS none 13 38 500 km STORE STORE STOREDIST STORE\nEXISTS STORE"
        ),
        "(integer) 2\nOK\n(integer) 1\n(integer) 2\n(integer) -1
1) \"Palermo\"\n2) \"3479099956230698\"\n3) \"Catania\"\n4) \"3479447370796909\"\n(integer) 1\n1) \"Catania\"\n\"166274.1516\"
(integer) 1\n1) \"Palermo\"\n(integer) 0\n(integer) 0\n(integer) 0\n(integer) 0\n(integer) 0\n(integer) 1\nzset\n(integer) 0\n(integer) 0",
    );
}

#[test]
fn errors_are_those_of_redis_and_in_its_order() {
    let wrong_type = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
    let syntax = "(error) ERR syntax error";
    let member = "(error) ERR could not decode requested zset member";
    let with = "is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    check(
        &format!(
            "SET t v\n{SICILY}\nGEORADIUS t x 1 1 km\nGEOSEARCH t x x x x x x\nGEODIST t a b\nGEODIST t a b parsec\nGEOPOS t a\nGEOHASH t a
             GEORADIUS s x 1 1 km\nGEORADIUS s 200 1 1 km\nGEORADIUS s 1 1 x km\nGEORADIUS s 1 1 -1 km\nGEORADIUS s 1 1 1 x
             GEORADIUSBYMEMBER s none 1 km\nGEORADIUSBYMEMBER none none x x\nGEORADIUSBYMEMBER none none x x what
             GEOSEARCH s FROMMEMBER none BYRADIUS 1 km what\nGEOSEARCH s FROMMEMBER Palermo FROMLONLAT 1 1 BYRADIUS 1 km
             GEOSEARCH s BYRADIUS 1 km ASC DESC\nGEOSEARCH s FROMMEMBER Palermo WITHDIST ANY ASC
             GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km BYBOX 1 1 km\nGEOSEARCH s FROMMEMBER Palermo BYBOX x 1 km
             GEOSEARCH s FROMMEMBER Palermo BYBOX 1 x km\nGEOSEARCH s FROMMEMBER Palermo BYBOX 1 -1 km
             GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km ANY\nGEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km COUNT 0
             GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km COUNT x\nGEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km COUNT
             GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 km STOREDIST\nGEORADIUS_RO s 1 1 1 km STORE d\nGEORADIUS s 1 1 1 km STORE
             GEORADIUS s 1 1 1 km STORE d WITHDIST\nGEOSEARCHSTORE d s FROMMEMBER Palermo BYRADIUS 1 km WITHHASH
             GEORADIUS s 1 1 1 km STORE a STORE b\nGEODIST s a b c d"
        ),
        &format!(
            "OK\n(integer) 2\n{wrong_type}\n{wrong_type}\n{wrong_type}\n(error) ERR unsupported unit provided. please use M, KM, FT, MI
{wrong_type}\n{wrong_type}\n(error) ERR value is not a valid float
(error) ERR invalid longitude,latitude pair 200.000000,1.000000\n(error) ERR need numeric radius
(error) ERR radius cannot be negative\n(error) ERR unsupported unit provided. please use M, KM, FT, MI\n{member}\n(empty array)\n{syntax}
{member}\n{syntax}\n(error) ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH
(error) ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH\n{syntax}\n(error) ERR need numeric width
(error) ERR need numeric height\n(error) ERR height or width cannot be negative\n(error) ERR the ANY argument requires COUNT argument
(error) ERR COUNT must be > 0\n(error) ERR value is not an integer or out of range\n{syntax}\n{syntax}\n{syntax}\n{syntax}
(error) ERR STORE option in GEORADIUS {with}\n(error) ERR GEOSEARCHSTORE {with}\n{syntax}\n{syntax}"
        ),
    );
}

/// What unit/geo.tcl has of areas that are hard to get right.
#[test]
fn areas_at_the_edges_of_the_map_are_searched() {
    check(
        "GEOADD p 179.5 36 point1 -179.5 36 point2\nGEOSEARCH p FROMLONLAT 179 37 BYBOX 400 400 km ASC
         GEOSEARCH p FROMLONLAT -179 37 BYBOX 400 400 km ASC
         GEOADD k -0.15307903289794921875 85 n1 0.3515625 85.00019260486917005437 n2\nGEORADIUSBYMEMBER k n1 4891.94 m
         GEOADD l -4.95211958885192871094 85 n3 11.25 85.0511 n4\nGEORADIUSBYMEMBER l n3 156544 m
         GEOADD m -45 65.50900022111811438208 n5 90 85.0511 n6\nGEORADIUSBYMEMBER m n5 5009431 m
         GEOADD n 45 65 n1 -135 85.05 n2\nGEORADIUSBYMEMBER n n1 5009431 m
         GEOADD u -47.271613776683807 -54.534504198047678 user\nGEORADIUS u 0 0 50000 km
         GEOADD d -122.407107 37.794300 1 -122.227336 37.794300 2\nGEORADIUS d -122.407107 37.794300 30 mi ASC WITHDIST",
        "(integer) 2\n1) \"point1\"\n2) \"point2\"\n1) \"point2\"\n2) \"point1\"
(integer) 2\n1) \"n1\"\n2) \"n2\"\n(integer) 2\n1) \"n3\"\n2) \"n4\"\n(integer) 2\n1) \"n5\"\n2) \"n6\"\n(integer) 2\n1) \"n1\"\n2) \"n2\"
(integer) 1\n1) \"user\"\n(integer) 2\n1) 1) \"1\"\n   2) \"0.0001\"\n2) 1) \"2\"\n   2) \"9.8182\"",
    );
}

/// Thousands of places in a tree, on disk, and what a look at all of them finds.
#[test]
fn searches_find_what_a_look_at_all_finds() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut server = MiniServer::new(2);
    let mut places = Vec::new();
    for n in 0..3000 {
        let (longitude, latitude) = (random.f64() * 40.0 - 20.0, random.f64() * 40.0 - 20.0);
        server.ask(&format!("GEOADD g {longitude} {latitude} m{n}"));
        places.push((longitude, latitude));
    }
    server.write_behind();
    let mut server = server.crash(3);
    for _ in 0..25 {
        let (longitude, latitude) = (random.f64() * 40.0 - 20.0, random.f64() * 40.0 - 20.0);
        let kilometres = random.f64() * 900.0;
        let reply =
            server.ask(&format!("GEOSEARCH g FROMLONLAT {longitude} {latitude} BYRADIUS {kilometres} km"));
        let mut found: Vec<usize> = reply
            .lines()
            .filter_map(|line| line.split('"').nth(1)?.strip_prefix('m')?.parse().ok())
            .collect();
        found.sort_unstable();
        // By the law of cosines, of unit vectors.
        let vector = |(longitude, latitude): (f64, f64)| {
            let (longitude, latitude) = (longitude.to_radians(), latitude.to_radians());
            [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
        };
        let centre = vector((longitude, latitude));
        let kilometres_to = |place: &(f64, f64)| {
            let dot: f64 = vector(*place).iter().zip(centre).map(|(one, other)| one * other).sum();
            dot.clamp(-1.0, 1.0).acos() * 6372.797560856
        };
        let expected: Vec<usize> =
            (0..places.len()).filter(|&n| kilometres_to(&places[n]) <= kilometres).collect();
        let wrong: Vec<usize> = (0..places.len())
            .filter(|n| found.contains(n) != expected.contains(n))
            .filter(|&n| (kilometres_to(&places[n]) - kilometres).abs() > 0.01)
            .collect();
        assert_eq!(wrong, [0; 0], "{longitude} {latitude} {kilometres}");
    }
}

#[test]
fn numbers_are_told_as_resp3_has_them() {
    let mut server = MiniServer::new(1);
    server.protocol = Protocol::Resp3;
    server.ask("GEOADD g 0 0 a");
    let reply = server.call(&[b"GEOPOS", b"g", b"a", b"b"]);
    assert_eq!(
        reply.escape_ascii().to_string(),
        "*2\\r\\n*2\\r\\n,0.00000268220901489\\r\\n,0.00000126736058093\\r\\n_\\r\\n"
    );
    let reply = server.call(&[b"GEODIST", b"g", b"a", b"a"]);
    assert_eq!(reply, b"$6\r\n0.0000\r\n");
}

/// What trigonometry found is logged as such.
#[test]
fn the_log_has_what_was_stored() {
    let mut server = MiniServer::new(1);
    server.settings.events = Events::ZSET;
    server.ask(SICILY);
    server.ask("GEOSEARCHSTORE d s FROMLONLAT 15 37 BYRADIUS 100 km");
    let payload = server.log.last().unwrap().payload.clone();
    let words = ["ZADD", "d", "3479447370796909", "Catania"];
    let expected: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    assert_eq!(payload, format!("*4\r\n{expected}").as_bytes());
    let events: Vec<_> = server.partitions[0].events.drain(..).map(|event| event.name).collect();
    assert_eq!(events, ["zadd", "geosearchstore"]);
    server.ask("GEORADIUS s 13 38 100 km STORE d");
    assert_eq!(
        server.partitions[0].events.drain(..).map(|event| event.name).collect::<Vec<_>>(),
        ["georadiusstore"]
    );
    assert!(
        server
            .log
            .last()
            .unwrap()
            .payload
            .starts_with(b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\nd\r\n*4\r\n$4\r\nZADD")
    );
}

/// Members at one distance: a few of many are those that redis-server 7.0.15 answers to the same commands, and all of
/// them stand in the order in which they were found.
#[test]
fn equal_distances_are_answered_in_redis_order() {
    let on_the_equator = |key: &str, members: u32, longitude: fn(u32) -> u32| {
        let members: Vec<String> = (0..members).map(|n| format!("{} 0 m{n:02}", longitude(n))).collect();
        format!("GEOADD {key} {}", members.join(" "))
    };
    let many = on_the_equator("g", 60, |n| n * 7 % 5);
    let few = on_the_equator("h", 9, |n| n % 2);
    let of = |key: &str, longitude: u32, rest: &str| {
        format!("GEOSEARCH {key} FROMLONLAT {longitude} 0 BYRADIUS 1000 km {rest}")
    };
    let script = [
        many,
        few,
        of("g", 2, "ASC COUNT 5"),
        of("g", 2, "DESC COUNT 5"),
        of("g", 2, "COUNT 20"),
        of("h", 0, "DESC COUNT 3"),
        of("h", 0, "ASC COUNT 6"),
        of("h", 0, "DESC COUNT 9"),
        of("h", 0, "DESC"),
    ];
    let all = "m01 m03 m05 m07 m00 m02 m04 m06 m08";
    let answers = [
        "m01 m51 m46 m41 m36",
        "m02 m52 m47 m42 m37",
        "m01 m51 m46 m41 m36 m31 m26 m21 m16 m11 m06 m56 m04 m09 m14 m19 m24 m29 m34 m39",
        "m01 m03 m05",
        "m00 m02 m04 m06 m08 m01",
        all,
        all,
    ];
    let lines = |answer: &str| {
        let members = answer.split(' ').enumerate();
        let lines: Vec<String> = members.map(|(n, member)| (n + 1, member)).map(line).collect();
        lines.join("\n")
    };
    fn line((n, member): (usize, &str)) -> String {
        format!("{n}) \"{member}\"")
    }
    let answers: Vec<String> = answers.into_iter().map(lines).collect();
    check(&script.join("\n"), &format!("(integer) 60\n(integer) 9\n{}", answers.join("\n")));
}
