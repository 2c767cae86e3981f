//! What the log gets: ids and times as they are, no conditions, no waiting.

use super::*;

#[test]
fn the_log_has_ids_lengths_and_times() {
    let mut server = MiniServer::new(1);
    server.settings.stream_node_max_entries = 1;
    for line in [
        "XADD s * a 1",
        "XADD s NOMKSTREAM MAXLEN ~ 1 1700000000009-* b 2",
        "XADD s MAXLEN ~ 9 * c 3",
        "XTRIM s MAXLEN ~ 1",
        "XTRIM s MAXLEN ~ 1",
        "XDEL s 1",
        "XGROUP CREATE s g 0",
        "XREADGROUP GROUP g c BLOCK 0 NOACK STREAMS s >",
        "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
        "XCLAIM s g d 0 1700000000009-1 FORCE IDLE 5",
        "XAUTOCLAIM s g c 9999 0",
        "XAUTOCLAIM s g c 0 0",
        "XDEL s 1700000000009-1",
        "XCLAIM s g c 0 1700000000009-1",
    ] {
        server.ask(line);
    }
    assert_eq!(
        logged(&server, 0),
        "XADD s 1700000000000-0 a 1\nXADD s MAXLEN = 1 1700000000009-0 b 2\nXADD s 1700000000009-1 c 3\n\
         XTRIM s MAXLEN = 1\nXGROUP CREATE s g 0\nMULTI\nXGROUP CREATECONSUMER s g c\n\
         XGROUP SETID s g 1700000000009-1 ENTRIESREAD 3\nEXEC\n\
         XCLAIM s g d 0 1700000000009-1 TIME 1699999999995 RETRYCOUNT 2 FORCE JUSTID LASTID 1700000000009-1\n\
         XCLAIM s g c 0 0-0 JUSTID LASTID 1700000000009-1\n\
         XCLAIM s g c 0 1700000000009-1 TIME 1700000000000 RETRYCOUNT 3 FORCE JUSTID LASTID 1700000000009-1\n\
         XDEL s 1700000000009-1\nMULTI\nXACK s g 1700000000009-1\n\
         XCLAIM s g c 0 0-0 JUSTID LASTID 1700000000009-1\nEXEC"
    );
}

#[test]
fn events_have_redis_names() {
    let mut server = MiniServer::new(1);
    server.settings.events = Events::STREAM;
    let mut step = |line: &str, expected: &[&str]| {
        server.ask(line);
        let events = std::mem::take(&mut server.partitions[0].events);
        assert!(events.iter().all(|event| event.class == Events::STREAM && event.key == b"s"), "{line}");
        assert_eq!(events.iter().map(|event| event.name).collect::<Vec<_>>(), expected, "{line}");
    };
    step("XADD s 1 a b", &["xadd"]);
    step("XADD s MAXLEN 1 2 a b", &["xadd", "xtrim"]);
    step("XADD s MAXLEN 9 3 a b", &["xadd"]);
    step("XTRIM s MAXLEN 1", &["xtrim"]);
    step("XTRIM s MAXLEN 1", &[]);
    step("XSETID s 4", &["xsetid"]);
    step("XGROUP CREATE s g 0", &["xgroup-create"]);
    step("XREADGROUP GROUP g a STREAMS s >", &["xgroup-createconsumer"]);
    step("XREADGROUP GROUP g a STREAMS s >", &[]);
    step("XCLAIM s g b 0 3", &["xgroup-createconsumer"]);
    step("XAUTOCLAIM s g c 0 0", &["xgroup-createconsumer"]);
    step("XGROUP CREATECONSUMER s g c", &[]);
    step("XGROUP CREATECONSUMER s g d", &["xgroup-createconsumer"]);
    step("XGROUP DELCONSUMER s g d", &["xgroup-delconsumer"]);
    step("XGROUP DELCONSUMER s g d", &[]);
    step("XGROUP SETID s g 0", &["xgroup-setid"]);
    step("XACK s g 3", &[]);
    step("XGROUP DESTROY s g", &["xgroup-destroy"]);
    step("XGROUP DESTROY s g", &[]);
    step("XDEL s 3 3", &["xdel"]);
    step("XDEL s 3", &[]);
}
