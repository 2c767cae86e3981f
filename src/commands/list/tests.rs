use crate::testing::{MiniServer, check};

mod blocking;
mod compared;
mod encoding;
mod generic;
mod storage;

/// A server with a list `l` of `count` elements e0, e1, …
fn with_list(partitions: usize, count: usize) -> MiniServer {
    let mut server = MiniServer::new(partitions);
    let numbers: Vec<usize> = (0..count).collect();
    for part in numbers.chunks(50) {
        let values: Vec<String> = part.iter().map(|number| format!("e{number}")).collect();
        server.ask(&format!("RPUSH l {}", values.join(" ")));
    }
    server
}

/// Nothing is in memory any more.
fn cool(server: &mut MiniServer) {
    server.write_behind();
    server.partitions.iter_mut().for_each(|partition| partition.drop_cache());
    server.engine.make_cold(true);
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
fn elements_are_pushed_popped_and_read() {
    check(
        "LPUSH l b a\nRPUSH l c d\nLPUSHX l z\nRPUSHX l e\nLPUSHX none x\nRPUSHX none x\nEXISTS none\nLLEN l\nLLEN none\n\
         LRANGE l 0 -1\nLINDEX l 0\nLINDEX l -1\nLINDEX l 6\nLINDEX l -7\nLPOP l\nRPOP l\nLPOP l 2\nRPOP l 9\nEXISTS l\n\
         LPOP l\nRPOP l 1\nLPOP l 0\nRPUSH l \"\" \"\"\nLPOP l 0\nLRANGE l 0 -1",
        "(integer) 2\n(integer) 4\n(integer) 5\n(integer) 6\n(integer) 0\n(integer) 0\n(integer) 0\n(integer) 6\n\
         (integer) 0\n1) \"z\"\n2) \"a\"\n3) \"b\"\n4) \"c\"\n5) \"d\"\n6) \"e\"\n\"z\"\n\"e\"\n(nil)\n(nil)\n\"z\"\n\"e\"\n\
         1) \"a\"\n2) \"b\"\n1) \"d\"\n2) \"c\"\n(integer) 0\n(nil)\n(nil)\n(nil)\n(integer) 2\n(empty array)\n\
         1) \"\"\n2) \"\"",
    );
}

#[test]
fn ranges_clip_to_the_list() {
    check(
        "RPUSH l a b c d\nLRANGE l 1 2\nLRANGE l -2 -1\nLRANGE l -100 1\nLRANGE l 2 100\nLRANGE l 3 1\nLRANGE l 4 5\n\
         LRANGE l 0 -5\nLRANGE none 0 -1\nLRANGE l -9223372036854775808 9223372036854775807\nLTRIM l 1 -2\n\
         LRANGE l 0 -1\nLTRIM l -9223372036854775808 0\nLRANGE l 0 -1\nLTRIM l 1 0\nEXISTS l\nLTRIM l 0 1",
        "(integer) 4\n1) \"b\"\n2) \"c\"\n1) \"c\"\n2) \"d\"\n1) \"a\"\n2) \"b\"\n1) \"c\"\n2) \"d\"\n(empty array)\n\
         (empty array)\n(empty array)\n(empty array)\n1) \"a\"\n2) \"b\"\n3) \"c\"\n4) \"d\"\nOK\n1) \"b\"\n2) \"c\"\nOK\n\
         1) \"b\"\nOK\n(integer) 0\nOK",
    );
}

#[test]
fn elements_are_replaced_inserted_and_removed() {
    check(
        "RPUSH l a b a c a\nLSET l 1 B\nLSET l -1 A\nLINSERT l BEFORE B x\nLINSERT l after A y\nLINSERT l before none y\n\
         LINSERT none before a y\nLRANGE l 0 -1\nLREM l 1 a\nLREM l 0 none\nLREM l -1 a\nLRANGE l 0 -1\nRPUSH l x x\n\
         LREM l -2 x\nLREM l 0 x\nLRANGE l 0 -1\nLREM none 0 a\nRPUSH m a a\nLREM m 0 a\nEXISTS m",
        "(integer) 5\nOK\nOK\n(integer) 6\n(integer) 7\n(integer) -1\n(integer) 0\n1) \"a\"\n2) \"x\"\n3) \"B\"\n4) \"a\"\n\
         5) \"c\"\n6) \"A\"\n7) \"y\"\n(integer) 1\n(integer) 0\n(integer) 1\n1) \"x\"\n2) \"B\"\n3) \"c\"\n4) \"A\"\n\
         5) \"y\"\n(integer) 7\n(integer) 2\n(integer) 1\n1) \"B\"\n2) \"c\"\n3) \"A\"\n4) \"y\"\n(integer) 0\n(integer) 2\n\
         (integer) 2\n(integer) 0",
    );
}

#[test]
fn positions_are_found_from_either_end() {
    check(
        "RPUSH l a b c a b c a\nLPOS l a\nLPOS l c RANK -1\nLPOS l a RANK 2\nLPOS l a RANK 4\nLPOS l a COUNT 0\n\
         LPOS l a COUNT 2\nLPOS l a COUNT 0 RANK -1\nLPOS l a COUNT 0 RANK 2 MAXLEN 4\nLPOS l c MAXLEN 2\n\
         LPOS l c RANK -1 MAXLEN 2\nLPOS l x\nLPOS l x COUNT 1\nLPOS none x\nLPOS none x COUNT 1\nLPOS l a RANK 9 RANK 1",
        "(integer) 7\n(integer) 0\n(integer) 5\n(integer) 3\n(nil)\n1) (integer) 0\n2) (integer) 3\n3) (integer) 6\n\
         1) (integer) 0\n2) (integer) 3\n1) (integer) 6\n2) (integer) 3\n3) (integer) 0\n1) (integer) 3\n(nil)\n\
         (integer) 5\n(nil)\n(empty array)\n(nil)\n(empty array)\n(integer) 0",
    );
}

#[test]
fn elements_move_between_lists_and_within_one() {
    check(
        "RPUSH a 1 2 3\nLMOVE a b LEFT RIGHT\nLMOVE a b right left\nRPOPLPUSH a b\nEXISTS a\nLRANGE b 0 -1\n\
         RPOPLPUSH b b\nLMOVE b b LEFT LEFT\nLMOVE b b LEFT RIGHT\nLRANGE b 0 -1\nLMOVE none b LEFT LEFT\n\
         RPOPLPUSH none b\nRPUSH one x\nEXPIRE one 100\nLMOVE one one LEFT RIGHT\nTTL one\nLMOVE one two LEFT RIGHT\nTTL two",
        "(integer) 3\n\"1\"\n\"3\"\n\"2\"\n(integer) 0\n1) \"2\"\n2) \"3\"\n3) \"1\"\n\"1\"\n\"1\"\n\"1\"\n1) \"2\"\n2) \"3\"\n\
         3) \"1\"\n(nil)\n(nil)\n(integer) 1\n(integer) 1\n\"x\"\n(integer) 100\n\"x\"\n(integer) -1",
    );
}

#[test]
fn the_first_list_with_elements_gives() {
    check(
        "RPUSH b 1 2 3 4\nLMPOP 2 a b LEFT\nLMPOP 2 a b right count 2\nLMPOP 1 b LEFT COUNT 100\nLMPOP 2 a b LEFT\nEXISTS b",
        "(integer) 4\n1) \"b\"\n2) 1) \"1\"\n1) \"b\"\n2) 1) \"4\"\n   2) \"3\"\n1) \"b\"\n2) 1) \"2\"\n(nil)\n(integer) 0",
    );
}

/// Each line: a command, ` => `, and the error without its code, or the code if it is not ERR.
const ERRORS: &str = "
    LPUSH s a => WRONGTYPE
    LPUSHX s a => WRONGTYPE
    LPOP s => WRONGTYPE
    LPOP s 0 => WRONGTYPE
    LPOP s x => value is out of range, must be positive
    LPOP none -1 => value is out of range, must be positive
    LPOP l 9223372036854775808 => value is out of range, must be positive
    LPOP l 1 2 => wrong number of arguments for 'lpop' command
    RPOP l 1 2 => wrong number of arguments for 'rpop' command
    LLEN s => WRONGTYPE
    LINDEX s abc => WRONGTYPE
    LINDEX l abc => value is not an integer or out of range
    LSET none abc x => no such key
    LSET s abc x => WRONGTYPE
    LSET l abc x => value is not an integer or out of range
    LSET l 4 x => index out of range
    LSET l -5 x => index out of range
    LSET l -9223372036854775808 x => index out of range
    LINSERT none x a b => syntax error
    LINSERT s before a b => WRONGTYPE
    LREM s abc a => value is not an integer or out of range
    LREM s 1 a => WRONGTYPE
    LREM l -9223372036854775808 a => value is out of range, value must between -9223372036854775807 and 9223372036854775807
    LTRIM none x 1 => value is not an integer or out of range
    LTRIM s 0 y => value is not an integer or out of range
    LTRIM s 0 1 => WRONGTYPE
    LRANGE s x 1 => value is not an integer or out of range
    LRANGE s 0 1 => WRONGTYPE
    LPOS none a RANK 0 => RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
    LPOS l a RANK x => value is not an integer or out of range
    LPOS l a RANK -9223372036854775808 => value is out of range, value must between -9223372036854775807 and 9223372036854775807
    LPOS l a COUNT -1 => COUNT can't be negative
    LPOS l a COUNT x => COUNT can't be negative
    LPOS l a MAXLEN -1 => MAXLEN can't be negative
    LPOS l a FOO 1 => syntax error
    LPOS s a RANK => syntax error
    LPOS s a => WRONGTYPE
    LMPOP 0 l LEFT => numkeys should be greater than 0
    LMPOP x l LEFT => numkeys should be greater than 0
    LMPOP -1 l LEFT => numkeys should be greater than 0
    LMPOP 9223372036854775807 l LEFT => syntax error
    LMPOP 5 l LEFT => syntax error
    LMPOP 2 l LEFT => syntax error
    LMPOP 1 l FOO => syntax error
    LMPOP 1 l LEFT COUNT => syntax error
    LMPOP 1 l LEFT COUNT 0 => count should be greater than 0
    LMPOP 1 l LEFT COUNT x => count should be greater than 0
    LMPOP 1 l LEFT FOO 1 => syntax error
    LMPOP 1 l LEFT COUNT 1 COUNT 2 => syntax error
    LMPOP 2 none s LEFT => WRONGTYPE
    LMOVE none s foo left => syntax error
    LMOVE l s left left => WRONGTYPE
    LMOVE s l left left => WRONGTYPE
    RPOPLPUSH s none => WRONGTYPE
    RPOPLPUSH l s => WRONGTYPE
    BLPOP s x => timeout is not a float or out of range
    BLPOP none -1 => timeout is negative
    BLPOP none inf => timeout is out of range
    BLPOP none s 0 => WRONGTYPE
    BRPOP s 0 => WRONGTYPE
    BLMOVE none x foo left x => syntax error
    BLMOVE none x left left x => timeout is not a float or out of range
    BLMOVE s x left left -1 => timeout is negative
    BLMOVE s x left left 1 => WRONGTYPE
    BLMOVE l s left left 1 => WRONGTYPE
    BRPOPLPUSH s none x => timeout is not a float or out of range
    BRPOPLPUSH l s 0 => WRONGTYPE
    BLMPOP x 0 l left => numkeys should be greater than 0
    BLMPOP x 1 l foo => syntax error
    BLMPOP x 1 l left => timeout is not a float or out of range
    BLMPOP 0 2 none s left => WRONGTYPE";

#[test]
fn errors_come_in_the_order_of_redis() {
    let (mut script, mut expected) =
        ("SET s x\nRPUSH l a b c a\n".to_string(), "OK\n(integer) 4\n".to_string());
    for line in ERRORS.lines().filter(|line| !line.trim().is_empty()) {
        let (command, error) = line.trim().split_once(" => ").expect("two parts");
        script.push_str(&format!("{command}\n"));
        expected.push_str(&match error {
            "WRONGTYPE" => {
                "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n".to_string()
            }
            error => format!("(error) ERR {error}\n"),
        });
    }
    // None of them changed anything.
    check(&format!("{script}LLEN l\nGET s"), &format!("{expected}(integer) 4\n\"x\""));
}

#[test]
fn null_replies_are_those_of_redis() {
    use crate::resp::Protocol;
    let mut server = MiniServer::new(1);
    let cases: [(&[&[u8]], &[u8]); 9] = [
        (&[b"LPOP", b"none"], b"$-1\r\n"),
        (&[b"LPOP", b"none", b"1"], b"*-1\r\n"),
        (&[b"LINDEX", b"none", b"x"], b"$-1\r\n"),
        (&[b"LPOS", b"none", b"x"], b"$-1\r\n"),
        (&[b"LMPOP", b"1", b"none", b"LEFT"], b"*-1\r\n"),
        (&[b"RPOPLPUSH", b"none", b"x"], b"$-1\r\n"),
        (&[b"BLPOP", b"none", b"0"], b"*-1\r\n"),
        (&[b"BLMOVE", b"none", b"x", b"LEFT", b"LEFT", b"0"], b"*-1\r\n"),
        (&[b"BLMPOP", b"0", b"1", b"none", b"LEFT"], b"*-1\r\n"),
    ];
    for (words, expected) in cases {
        server.protocol = Protocol::Resp2;
        assert_eq!(server.call(words), expected);
        server.protocol = Protocol::Resp3;
        assert_eq!(server.call(words), b"_\r\n");
    }
}
