//! SORT and SORT_RO.

use crate::testing::{MiniServer, check};

const NOT_DOUBLE: &str = "(error) ERR One or more scores can't be converted into double";

#[test]
fn numbers_and_texts_are_sorted() {
    check(
        "SADD s 10 9 100 -1.5 1e1\nSORT s\nSORT s DESC\nSORT s ALPHA\nSORT s DESC ASC LIMIT 1 2\nSORT_RO s LIMIT 3 100\n\
         SORT s LIMIT 5 1\nSORT s LIMIT -5 1\nSORT s LIMIT 3 -7\nSORT s LIMIT 0 0\nSORT none\n\
         SORT s LIMIT 9223372036854775807 9223372036854775807",
        "(integer) 5\n1) \"-1.5\"\n2) \"9\"\n3) \"10\"\n4) \"1e1\"\n5) \"100\"\n1) \"100\"\n2) \"1e1\"\n3) \"10\"\n\
         4) \"9\"\n5) \"-1.5\"\n1) \"-1.5\"\n2) \"10\"\n3) \"100\"\n4) \"1e1\"\n5) \"9\"\n1) \"9\"\n2) \"10\"\n\
         1) \"1e1\"\n2) \"100\"\n(empty array)\n1) \"-1.5\"\n1) \"1e1\"\n2) \"100\"\n(empty array)\n(empty array)\n\
         (empty array)",
    );
}

#[test]
fn patterns_name_other_keys() {
    check(
        "SADD s a b c d\nMSET w_a 3 w_b 1 w_c 2\nHSET h_a f 1 -> x\nHSET h_b f 9\nHSET h_d f -1\nSORT s BY w_*\n\
         SORT s BY w_* DESC\nSORT_RO s BY w_* ALPHA\nSORT s BY h_*->f\nSORT s BY w_* GET # GET w_* GET h_*->f\n\
         SORT s BY none GET none\nSORT s ALPHA GET w_*->f LIMIT 0 1\nSORT s ALPHA LIMIT 0 1 GET h_* GET h_*-> GET h_*->->\n\
         SET h_a-> arrow\nSORT s ALPHA LIMIT 0 1 GET h_*->\nSORT s BY nosort_* \nSORT s BY w_* LIMIT 1 2",
        "(integer) 4\nOK\n(integer) 2\n(integer) 1\n(integer) 1\n1) \"d\"\n2) \"b\"\n3) \"c\"\n4) \"a\"\n1) \"a\"\n\
         2) \"c\"\n3) \"b\"\n4) \"d\"\n1) \"d\"\n2) \"b\"\n3) \"c\"\n4) \"a\"\n1) \"d\"\n2) \"c\"\n3) \"a\"\n4) \"b\"\n\
         1) \"d\"\n2) (nil)\n3) \"-1\"\n4) \"b\"\n5) \"1\"\n6) \"9\"\n7) \"c\"\n8) \"2\"\n9) (nil)\n10) \"a\"\n\
         11) \"3\"\n12) \"1\"\n1) (nil)\n2) (nil)\n3) (nil)\n4) (nil)\n1) (nil)\n1) (nil)\n2) (nil)\n3) \"x\"\nOK\n\
         1) \"arrow\"\n1) \"a\"\n2) \"b\"\n3) \"c\"\n4) \"d\"\n1) \"b\"\n2) \"c\"",
    );
}

#[test]
fn errors_are_those_of_redis() {
    let wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
    check(
        "SADD s 1 x\nSET str x\nHSET h f 1\nSORT s\nSORT s BY nosort LIMIT 0 0\nSORT str\nSORT h\nSORT str BY\nSORT str GET\n\
         SORT str STORE\nSORT str LIMIT 1\nSORT str LIMIT 1 x\nSORT str LIMIT x 1 foo\nSORT s foo LIMIT 0 a\n\
         SORT_RO s STORE x\nSORT s BY str*\nMSET w_1 x w_x 1\nSORT s BY w_*\nSORT s BY w_* STORE d\nEXISTS d",
        &format!(
            "(integer) 2\nOK\n(integer) 1\n{NOT_DOUBLE}\n(empty array)\n{wrong}\n{wrong}\n(error) ERR syntax error\n\
             (error) ERR syntax error\n(error) ERR syntax error\n(error) ERR syntax error\n\
             (error) ERR value is not an integer or out of range\n\
             (error) ERR value is not an integer or out of range\n(error) ERR syntax error\n\
             (error) ERR syntax error\n1) \"1\"\n2) \"x\"\nOK\n{NOT_DOUBLE}\n{NOT_DOUBLE}\n(integer) 0"
        ),
    );
}

#[test]
fn scores_are_read_as_c_reads_them() {
    for (text, score) in [
        (&b""[..], Some(0.0)),
        (b"+5", Some(5.0)),
        (b"\t 5", Some(5.0)),
        (b" inf", Some(f64::INFINITY)),
        (b"-Infinity", Some(f64::NEG_INFINITY)),
        (b"0x1p3", Some(8.0)),
        (b"0x1p-1074", Some(f64::from_bits(1))),
        (b".5", Some(0.5)),
        (b"5.", Some(5.0)),
        (b"5\0x", Some(5.0)),
        (b"\0", Some(0.0)),
        (b"2.2250738585072014e-308", Some(f64::MIN_POSITIVE)),
        (b"1e-310", None),
        (b"1e-400", None),
        (b"1e400", None),
        (b" ", None),
        (b"5 ", None),
        (b"x\0", None),
        (b"nan", None),
        (b"0x", None),
        (b"1e", None),
    ] {
        assert_eq!(super::score(text), score, "{}", text.escape_ascii());
    }
}

#[test]
fn a_part_is_that_of_the_whole() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut server = MiniServer::new(1);
    let mut model: Vec<(i64, String)> = Vec::new();
    for number in 0..300 {
        let weight = random.i64(0..60);
        server.ask(&format!("SADD s e{number}"));
        server.ask(&format!("SET w_e{number} {weight}"));
        model.push((weight, format!("e{number}")));
    }
    model.sort();
    for descending in [false, true] {
        for _ in 0..40 {
            let (offset, count) = (random.usize(0..310), random.usize(0..310));
            let order = if descending { "DESC" } else { "ASC" };
            let reply = server.ask(&format!("SORT s BY w_* {order} LIMIT {offset} {count}"));
            let part: Vec<&str> =
                model.iter().skip(offset).take(count).map(|(_, name)| name.as_str()).collect();
            let reversed: Vec<&str> =
                model.iter().rev().skip(offset).take(count).map(|(_, name)| name.as_str()).collect();
            let expected = if descending { reversed } else { part };
            let found: Vec<String> = reply
                .lines()
                .filter_map(|line| Some(line.split_once(") ")?.1.trim_matches('"').to_string()))
                .collect();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn cold_keys_of_a_pattern_are_few_waits() {
    // A view looks the set's key up once more; SORT, which writes, waits where it is.
    for (count, waits) in [(50, 2), (3000, 4)] {
        let mut server = MiniServer::new(2);
        for number in 0..count {
            server.ask(&format!("SADD s {number}"));
            server.ask(&format!("HSET h_{number} f {}", count - number));
        }
        for command in ["SORT", "SORT_RO"] {
            server.write_behind();
            server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
            server.engine.make_cold(true);
            let before = server.waits;
            let reply = server.ask(&format!("{command} s BY h_*->f GET h_*->f LIMIT 0 1"));
            assert_eq!(reply, "1) \"1\"", "{command}");
            assert!(server.waits - before <= waits, "{command}: {}", server.waits - before);
            server.engine.make_cold(false);
        }
    }
}

#[test]
fn keys_are_found_among_the_words() {
    let mut server = MiniServer::new(1);
    for (line, keys) in [
        ("sort abc store def", "1) \"abc\"\n2) \"def\""),
        ("sort_ro abc", "1) \"abc\""),
        ("sort abc store invalid store stillbad store def", "1) \"abc\"\n2) \"def\""),
    ] {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let frame = words.concat();
        let mut ranges = Vec::new();
        let mut start = 0;
        for word in &words {
            ranges.push((start, start + word.len() as u32));
            start += word.len() as u32;
        }
        let command = crate::commands::table::find(words[0]).expect("a command");
        let found: Vec<String> = command
            .keys_of(crate::commands::Args::new(&frame, &ranges))
            .enumerate()
            .map(|(index, key)| format!("{}) \"{}\"", index + 1, key.escape_ascii()))
            .collect();
        assert_eq!(found.join("\n"), keys);
    }
    assert_eq!(server.ask("SORT none STORE none"), "(integer) 0");
}

#[test]
fn lists_and_sorted_sets_keep_their_order_if_nothing_sorts_them() {
    check(
        "RPUSH l 5 3 4 1 2\nSORT l\nSORT l BY nosort\nSORT l BY nosort DESC\nSORT l BY nosort LIMIT 1 2\n\
         SORT l BY nosort DESC LIMIT 1 2\nSORT l BY nosort LIMIT 5 1\nZADD z 1 a 5 b 2 c 10 d 3 e\nSORT z ALPHA DESC\n\
         SORT z BY nosort ASC\nSORT z BY nosort DESC LIMIT 0 2\nSORT z BY nosort LIMIT -10 100\nSORT z BY nosort LIMIT 5 10",
        "(integer) 5\n1) \"1\"\n2) \"2\"\n3) \"3\"\n4) \"4\"\n5) \"5\"\n1) \"5\"\n2) \"3\"\n3) \"4\"\n4) \"1\"\n5) \"2\"\n\
         1) \"2\"\n2) \"1\"\n3) \"4\"\n4) \"3\"\n5) \"5\"\n1) \"3\"\n2) \"4\"\n1) \"1\"\n2) \"4\"\n(empty array)\n\
         (integer) 5\n1) \"e\"\n2) \"d\"\n3) \"c\"\n4) \"b\"\n5) \"a\"\n1) \"a\"\n2) \"c\"\n3) \"e\"\n4) \"b\"\n5) \"d\"\n\
         1) \"d\"\n2) \"b\"\n1) \"a\"\n2) \"c\"\n3) \"e\"\n4) \"b\"\n5) \"d\"\n(empty array)",
    );
}

#[test]
fn a_result_is_stored_as_a_list() {
    check(
        "SADD s 3 1 2\nMSET w_1 x w_3 z\nSORT s DESC STORE r\nLRANGE r 0 -1\nSORT s GET w_* GET # STORE r\nLRANGE r 0 -1\n\
         SET r x EX 100\nSORT s BY none STORE r\nTTL r\nLRANGE r 0 -1\nSORT r DESC STORE r\nLRANGE r 0 -1\n\
         SORT s LIMIT 9 1 STORE r\nEXISTS r\nSORT none STORE s\nEXISTS s",
        "(integer) 3\nOK\n(integer) 3\n1) \"3\"\n2) \"2\"\n3) \"1\"\n(integer) 6\n1) \"x\"\n2) \"1\"\n3) \"\"\n4) \"2\"\n\
         5) \"z\"\n6) \"3\"\nOK\n(integer) 3\n(integer) -1\n1) \"1\"\n2) \"2\"\n3) \"3\"\n(integer) 3\n1) \"3\"\n2) \"2\"\n\
         3) \"1\"\n(integer) 0\n(integer) 0\n(integer) 0\n(integer) 0",
    );
}

#[test]
fn events_are_those_of_redis() {
    let mut server = MiniServer::new(1);
    server.settings.events = crate::config::Events::ALL;
    server.ask("SADD s 3 1 2");
    for (line, events) in [
        ("SORT s", ""),
        ("SORT s STORE r", "sortstore"),
        ("SORT s STORE s", "sortstore"),
        ("SORT none STORE r", "del"),
        ("SORT none STORE r", ""),
    ] {
        server.partitions[0].events.clear();
        server.ask(line);
        let told: Vec<&str> = server.partitions[0].events.iter().map(|event| event.name).collect();
        assert_eq!(told.join(" "), events, "{line}");
    }
}

/// A script must not go by how a set is kept. What has an order keeps it.
#[test]
fn a_script_gets_a_set_that_nothing_sorts_in_order_of_bytes() {
    check(
        "SADD s b aa c a\nRPUSH l b a\nEVAL \"return redis.call('sort',KEYS[1],'by','_')\" 1 s\n\
         EVAL \"return redis.call('sort_ro',KEYS[1],'by','_','desc','limit',0,2)\" 1 s\n\
         EVAL \"return redis.call('sort',KEYS[1],'by','_','get','#','limit',1,1)\" 1 s\n\
         EVAL \"return redis.call('sort',KEYS[1],'by','_')\" 1 l\nSORT s BY _",
        "(integer) 4\n(integer) 2\n1) \"a\"\n2) \"aa\"\n3) \"b\"\n4) \"c\"\n1) \"c\"\n2) \"b\"\n1) \"aa\"\n1) \"b\"\n2) \"a\"\n\
         1) \"b\"\n2) \"aa\"\n3) \"c\"\n4) \"a\"",
    );
}
