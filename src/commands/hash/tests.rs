use crate::testing::{MiniServer, check};

mod compared;
mod expiry;
mod random;
mod scan;

/// A server with a hash of `count` fields f0, f1, …, whose values are their numbers.
fn with_hash(partitions: usize, count: usize) -> MiniServer {
    let mut server = MiniServer::new(partitions);
    for number in 0..count {
        server.ask(&format!("HSET h f{number} {number}"));
    }
    server
}

/// Nothing is in memory any more.
fn cool(server: &mut MiniServer) {
    server.write_behind();
    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
}

/// The elements of a flat array, unquoted.
fn items(reply: &str) -> Vec<String> {
    let text = |line: &str| {
        let (_, rest) = line.trim().split_once(") ").unwrap_or(("", line));
        rest.trim_matches('"').to_string()
    };
    if reply == "(empty array)" { Vec::new() } else { reply.lines().map(text).collect() }
}

#[test]
fn fields_are_set_read_and_removed() {
    check(
        "HSET h a 1 b 2 a 3\nHGET h a\nHGET h none\nHGET none a\nHMGET h a none b\nHMGET none a\nHLEN h\nHLEN none\n\
         HEXISTS h a\nHEXISTS h none\nHSTRLEN h b\nHSTRLEN h none\nHGETALL h\nHKEYS h\nHVALS h\nHGETALL none\n\
         HSETNX h a 9\nHSETNX h c 9\nHMSET h d 4 e \"\"\nHGET h e\nHDEL h a none a\nHDEL h b c d e\nHLEN h\n\
         HDEL h a\nHSET h x y\nHGETALL h",
        r#"(integer) 2
        "3"
(nil)
(nil)
1) "3"
2) (nil)
3) "2"
1) (nil)
(integer) 2
(integer) 0
(integer) 1
(integer) 0
(integer) 1
(integer) 0
1) "a"
2) "3"
3) "b"
4) "2"
1) "a"
2) "b"
1) "3"
2) "2"
(empty array)
(integer) 0
(integer) 1
OK
""
(integer) 1
(integer) 4
(integer) 0
(integer) 0
(integer) 1
1) "x"
2) "y""#
            .replace("        \"", "\"")
            .as_str(),
    );
}

#[test]
fn errors_are_those_of_redis() {
    check(
        "SET s x\nHSET h a 1 b\nHMSET h a 1 b\nHSET s a 1\nHGET s a\nHGETALL s\nHSET h t abc\nHINCRBY h t 1\n\
         HINCRBYFLOAT h t 1\nHINCRBY s a x\nHINCRBY s a 1\nHINCRBYFLOAT h a x\nHINCRBYFLOAT h a inf\n\
         HINCRBYFLOAT h a nan\nHSET h i inf e \"\" sp \" 1\"\nHINCRBYFLOAT h i 1\nHINCRBYFLOAT h e 1\nHINCRBY h e 1\n\
         HINCRBY h sp 1\nHRANDFIELD h -9223372036854775808\nHRANDFIELD h -9223372036854775807 withvalues\n\
         HRANDFIELD h x\nHRANDFIELD h 1 foo\nHRANDFIELD h 1 withvalues x\nHRANDFIELD none -4611686018427387904 withvalues\n\
         HRANDFIELD none 5\nHRANDFIELD none",
        "OK\n(error) ERR wrong number of arguments for 'hset' command\n\
         (error) ERR wrong number of arguments for 'hmset' command\n\
         (error) WRONGTYPE Operation against a key holding the wrong kind of value\n\
         (error) WRONGTYPE Operation against a key holding the wrong kind of value\n\
         (error) WRONGTYPE Operation against a key holding the wrong kind of value\n(integer) 1\n\
         (error) ERR hash value is not an integer\n(error) ERR hash value is not a float\n\
         (error) ERR value is not an integer or out of range\n\
         (error) WRONGTYPE Operation against a key holding the wrong kind of value\n\
         (error) ERR value is not a valid float\n(error) ERR value is NaN or Infinity\n\
         (error) ERR value is not a valid float\n(integer) 3\n\
         (error) ERR increment would produce NaN or Infinity\n(error) ERR hash value is not a float\n\
         (error) ERR hash value is not an integer\n(error) ERR hash value is not an integer\n\
         (error) ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\n\
         (error) ERR value is out of range\n(error) ERR value is not an integer or out of range\n\
         (error) ERR syntax error\n(error) ERR syntax error\n(error) ERR value is out of range\n\
         (empty array)\n(nil)",
    );
}

#[test]
fn arithmetic_is_redis_s() {
    check(
        "HINCRBY h n 9223372036854775806\nHINCRBY h n 1\nHINCRBY h n 1\nHINCRBY h n -9223372036854775808\n\
         HINCRBY h n -9223372036854775808\nHINCRBYFLOAT h f 1.23\nHINCRBYFLOAT h f 0.77\nHINCRBYFLOAT h f -0.1\n\
         HGET h f\nHINCRBY h f 1",
        "(integer) 9223372036854775806\n(integer) 9223372036854775807\n\
         (error) ERR increment or decrement would overflow\n(integer) -1\n\
         (error) ERR increment or decrement would overflow\n\"1.23\"\n\"2\"\n\"1.9\"\n\"1.9\"\n\
         (error) ERR hash value is not an integer",
    );
}

#[test]
fn a_big_hash_answers_as_a_small_one() {
    for cold in [false, true] {
        let mut server = with_hash(2, 1000);
        assert_eq!(server.ask("HLEN h"), "(integer) 1000");
        if cold {
            cool(&mut server);
            server.engine.make_cold(true);
        }
        assert_eq!(server.ask("HGET h f999"), "\"999\"");
        assert_eq!(server.ask("HGET h f1000"), "(nil)");
        assert_eq!(server.ask("HMGET h f1 f1000 f2"), "1) \"1\"\n2) (nil)\n3) \"2\"");
        assert_eq!(items(&server.ask("HKEYS h")).len(), 1000);
        assert_eq!(items(&server.ask("HGETALL h")).len(), 2000);
        assert_eq!(server.ask("HINCRBY h f7 3"), "(integer) 10");
        assert_eq!(server.ask("HSETNX h f7 3"), "(integer) 0");
        assert_eq!(server.ask("HDEL h f7 f7 f8 nope"), "(integer) 2");
        assert_eq!(server.ask("HSTRLEN h f100"), "(integer) 3");
        assert_eq!(server.ask("HLEN h"), "(integer) 998");
    }
}

#[test]
fn several_missing_fields_are_one_wait() {
    let mut server = with_hash(1, 300);
    cool(&mut server);
    server.engine.make_cold(true);
    server.ask("HLEN h");
    for line in
        ["HMGET h f1 f2 f3 f4", "HSET h f5 a f6 b f7 c", "HDEL h f8 f9 f10", "HTTL h FIELDS 2 f11 f12"]
    {
        let before = server.waits;
        server.ask(line);
        assert_eq!(server.waits - before, 1, "{line}");
    }
}

#[test]
fn an_update_of_a_big_hash_writes_one_element() {
    let mut server = with_hash(1, 300);
    server.write_behind();
    let count = |server: &MiniServer| server.partitions[0].queued();
    server.ask("HSET h f5 other");
    assert_eq!(count(&server), 1, "the element");
    server.write_behind();
    server.ask("HSET h new other");
    assert_eq!(count(&server), 2, "the element, and the length");
}

#[test]
fn one_command_can_make_a_big_hash() {
    let mut words: Vec<Vec<u8>> = vec![b"HSET".to_vec(), b"h".to_vec()];
    for number in 0..5000u32 {
        words.push(format!("f{}", number % 4000).into_bytes());
        words.push(number.to_string().into_bytes());
    }
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    for cold in [false, true] {
        let mut server = MiniServer::new(1);
        server.engine.make_cold(cold);
        assert_eq!(server.call(&words), b":4000\r\n");
        assert_eq!(server.ask("HGET h f5"), "\"4005\"");
        assert_eq!(items(&server.ask("HVALS h")).len(), 4000);
        assert_eq!(server.call(&words), b":0\r\n");
    }
}
