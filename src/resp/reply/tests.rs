use super::*;
use crate::resp::{Value, parse_value};

/// What `write` writes in both protocols.
fn both(write: impl Fn(&mut Reply)) -> (String, String) {
    let text = |protocol| {
        let mut reply = Reply::new(protocol);
        write(&mut reply);
        String::from_utf8(reply.as_slice().to_vec()).unwrap()
    };
    (text(Protocol::Resp2), text(Protocol::Resp3))
}

/// Checks what is written in RESP2 and in RESP3.
fn check(write: impl Fn(&mut Reply), resp2: &str, resp3: &str) {
    assert_eq!(both(write), (resp2.to_owned(), resp3.to_owned()));
}

/// Checks what is the same in both protocols.
fn check_same(write: impl Fn(&mut Reply), text: &str) {
    check(write, text, text);
}

#[test]
fn types_of_both_protocols() {
    check_same(|r| r.ok(), "+OK\r\n");
    check_same(|r| r.simple("QUEUED"), "+QUEUED\r\n");
    check_same(|r| r.simple(""), "+\r\n");
    check_same(|r| r.error("ERR no such key"), "-ERR no such key\r\n");
    check_same(|r| r.integer(0), ":0\r\n");
    check_same(|r| r.integer(9), ":9\r\n");
    check_same(|r| r.integer(10), ":10\r\n");
    check_same(|r| r.integer(-1), ":-1\r\n");
    check_same(|r| r.integer(i64::MIN), ":-9223372036854775808\r\n");
    check_same(|r| r.integer(i64::MAX), ":9223372036854775807\r\n");
    check_same(|r| r.bulk(b""), "$0\r\n\r\n");
    check_same(|r| r.bulk_zeroed(3)[1..].copy_from_slice(b"xy"), "$3\r\n\0xy\r\n");
    check_same(|r| assert_eq!(r.bulk_zeroed(0), [0u8; 0]), "$0\r\n\r\n");
    check_same(|r| r.bulk(b"a\r\nb"), "$4\r\na\r\nb\r\n");
    check_same(|r| r.bulk_text("0123456789"), "$10\r\n0123456789\r\n");
    check_same(|r| r.bulk_integer(-42), "$3\r\n-42\r\n");
    check_same(|r| r.array(0), "*0\r\n");
    check_same(|r| r.array(1_000_000), "*1000000\r\n");
    check_same(|r| r.raw(b"+PONG\r\n"), "+PONG\r\n");
}

#[test]
fn types_that_resp2_lacks() {
    check(|r| r.null(), "$-1\r\n", "_\r\n");
    check(|r| r.null_array(), "*-1\r\n", "_\r\n");
    check(|r| r.map(0), "*0\r\n", "%0\r\n");
    check(|r| r.map(6), "*12\r\n", "%6\r\n");
    check(|r| r.set(3), "*3\r\n", "~3\r\n");
    check(|r| r.push(2), "*2\r\n", ">2\r\n");
    check(|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
    check(|r| r.double(3.0), "$1\r\n3\r\n", ",3\r\n");
    check(|r| r.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    check(|r| r.double(f64::NAN), "$3\r\nnan\r\n", ",nan\r\n");
    check(|r| r.boolean(true), ":1\r\n", "#t\r\n");
    check(|r| r.boolean(false), ":0\r\n", "#f\r\n");
    check(
        |r| r.big_number("-123456789012345678901"),
        "$22\r\n-123456789012345678901\r\n",
        "(-123456789012345678901\r\n",
    );
    check(|r| r.verbatim("txt", b"a\nb"), "$3\r\na\nb\r\n", "=7\r\ntxt:a\nb\r\n");
}

#[test]
fn attributes_are_left_out_in_resp2() {
    let write = |r: &mut Reply| {
        if r.attribute(1) {
            r.simple("ttl");
            r.integer(3);
        }
        r.ok();
    };
    check(write, "+OK\r\n", "|1\r\n+ttl\r\n:3\r\n+OK\r\n");
}

#[test]
fn a_line_end_cannot_break_out_of_a_line() {
    check_same(|r| r.error("ERR unknown command 'a\r\n+OK'"), "-ERR unknown command 'a  +OK'\r\n");
    check_same(|r| r.simple("a\nb"), "+a b\r\n");
    let mut reply = Reply::new(Protocol::Resp2);
    reply.error(b"ERR \xff\n");
    assert_eq!(reply.as_slice(), b"-ERR \xff \r\n");
}

#[test]
fn deferred_headers_come_before_what_was_written_first() {
    check(
        |r| {
            r.ok();
            let outer = r.deferred();
            r.bulk(b"a");
            let inner = r.deferred();
            for n in 0..12 {
                r.integer(n);
            }
            r.set_array_len(inner, 12);
            let empty = r.deferred();
            r.set_set_len(empty, 0);
            r.integer(1);
            r.set_map_len(outer, 2);
        },
        "+OK\r\n*4\r\n$1\r\na\r\n*12\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n:10\r\n:11\r\n*0\r\n:1\r\n",
        "+OK\r\n%2\r\n$1\r\na\r\n*12\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n:10\r\n:11\r\n~0\r\n:1\r\n",
    );
}

#[test]
fn a_command_that_runs_again_takes_its_reply_back() {
    let mut reply = Reply::with_buffer(BytesMut::from(&b"+1\r\n"[..]), Protocol::Resp3);
    assert_eq!((reply.len(), reply.is_empty(), reply.protocol()), (4, false, Protocol::Resp3));
    reply.array(3);
    reply.truncate(4);
    reply.null();
    assert_eq!(&reply.take()[..], b"+1\r\n_\r\n");
    assert!(reply.is_empty());
    reply.set_protocol(Protocol::Resp2);
    reply.null();
    assert_eq!(reply.as_slice(), b"$-1\r\n");
}

fn sample(r: &mut Reply) {
    r.array(3);
    r.map(1);
    r.simple("k");
    r.bulk(b"v\r\n");
    r.set(2);
    r.double(0.5);
    r.null();
    r.push(4);
    r.boolean(true);
    r.big_number("12");
    r.verbatim("mkd", b"x");
    r.error("ERR y");
}

#[test]
fn what_is_written_can_be_read_back() {
    let mut reply = Reply::new(Protocol::Resp3);
    sample(&mut reply);
    let expected = Value::Array(vec![
        Value::Map(vec![(Value::Simple(b"k".to_vec()), Value::Bulk(b"v\r\n".to_vec()))]),
        Value::Set(vec![Value::Double(0.5), Value::Null]),
        Value::Push(vec![
            Value::Boolean(true),
            Value::BigNumber(b"12".to_vec()),
            Value::Verbatim { format: *b"mkd", text: b"x".to_vec() },
            Value::Error(b"ERR y".to_vec()),
        ]),
    ]);
    assert_eq!(parse_value(reply.as_slice()), Ok(Some((expected, reply.len()))));
}

#[test]
fn a_reply_that_is_cut_anywhere_is_incomplete() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut reply = Reply::new(protocol);
        sample(&mut reply);
        for end in 0..reply.len() {
            assert_eq!(parse_value(&reply.as_slice()[..end]), Ok(None), "{end}");
        }
        let whole = parse_value(reply.as_slice()).unwrap().unwrap();
        reply.ok();
        assert_eq!(parse_value(reply.as_slice()).unwrap().unwrap(), whole);
    }
}

#[test]
fn other_values_are_read() {
    let read = |text: &str| parse_value(text.as_bytes()).map(|found| found.map(|(value, _)| value));
    assert_eq!(read("$-1\r\n"), Ok(Some(Value::Null)));
    assert_eq!(read("*-1\r\n"), Ok(Some(Value::NullArray)));
    assert_eq!(read("!5\r\nERR x\r\n"), Ok(Some(Value::Error(b"ERR x".to_vec()))));
    assert_eq!(read(",inf\r\n"), Ok(Some(Value::Double(f64::INFINITY))));
    assert!(matches!(read(",nan\r\n"), Ok(Some(Value::Double(value))) if value.is_nan()));
    let attribute =
        Value::Attribute(vec![(Value::Integer(1), Value::Integer(2))], Box::new(Value::Integer(3)));
    assert_eq!(read("|1\r\n:1\r\n:2\r\n:3\r\n"), Ok(Some(attribute)));
}

#[test]
fn malformed_replies_are_errors_and_cost_no_memory() {
    for text in [
        "x\r\n",
        "\r\n",
        ":x\r\n",
        ":1\rx",
        "$3\r\nabcde",
        "$x\r\n",
        "$-2\r\n",
        "*-2\r\n",
        "!-1\r\n",
        "=2\r\nab\r\n",
        "#x\r\n",
        ",x\r\n",
        "(x\r\n",
        "(-\r\n",
        "_x\r\n",
        "*1\r\n?\r\n",
    ] {
        assert!(parse_value(text.as_bytes()).is_err(), "{text:?}");
    }
    for text in ["*9223372036854775807\r\n", "%9223372036854775807\r\n", "$9223372036854775807\r\nx"] {
        assert_eq!(parse_value(text.as_bytes()), Ok(None), "{text:?}");
    }
    let depth = crate::resp::value::MAX_DEPTH;
    assert!(parse_value(["*1\r\n".repeat(depth), ":1\r\n".into()].concat().as_bytes()).unwrap().is_some());
    assert!(parse_value(["*1\r\n".repeat(depth + 1), ":1\r\n".into()].concat().as_bytes()).is_err());
}
