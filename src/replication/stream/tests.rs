//! Cutting a master's stream: in every way that reads may cut it, the pieces are the same.

use super::*;

fn payload(lines: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        crate::keyspace::transaction::write_command(&mut out, words.into_iter());
    }
    out
}

/// A piece in words: its owner, its database, and its commands with theirs.
fn told(cut: &Cut) -> Vec<String> {
    let told = |piece: &Piece| {
        let commands = piece.commands.iter().map(|command| {
            let first = command.words.0 as usize;
            let (start, end) = cut.ranges[first + 1.min(command.words.1 as usize - 1)];
            let word = String::from_utf8_lossy(&cut.frame[start as usize..end as usize]).into_owned();
            format!("{}:{word}", command.database)
        });
        let commands: Vec<String> = commands.collect();
        format!("{:?} {} [{}]", piece.owner, piece.database, commands.join(" "))
    };
    cut.pieces.iter().map(told).collect()
}

/// All cuts of a stream that comes in chunks of `size`; checks that pieces are gapless.
fn cuts(bytes: &[u8], size: usize, partitions: usize) -> Vec<Cut> {
    let mut cutter = Cutter::new(partitions, 16, 0);
    let (mut cuts, mut seen) = (Vec::new(), Vec::new());
    for chunk in bytes.chunks(size) {
        cutter.push(chunk);
        while let Some(cut) = cutter.cut().expect("a stream") {
            let mut at = 0;
            for piece in &cut.pieces {
                assert_eq!(piece.bytes.0, at);
                at = piece.bytes.1;
            }
            assert_eq!(at as usize, cut.frame.len());
            seen.extend_from_slice(&cut.frame);
            cuts.push(cut);
        }
    }
    assert_eq!([&seen[..], &cutter.input[..]].concat(), bytes);
    cuts
}

// With two partitions, `a` (slot 15495) is of the second, `b` (3300) and `c` (7365) are of the first.

#[test]
fn consecutive_commands_of_a_partition_are_one_piece() {
    let stream =
        payload(&["SELECT 3", "SET b 1", "PING", "SET c 2", "SET a 1", "SELECT 0", "SET a 2", "SET b 3"]);
    let cut = &cuts(&stream, stream.len(), 2)[0];
    assert_eq!(told(cut), ["One(0) 0 [3:b 3:c]", "One(1) 3 [3:a 0:a]", "One(0) 0 [0:b]"]);
    assert_eq!(cut.pieces[0].slots, (3300, 7365));
    let one = &cuts(&stream, stream.len(), 1)[0];
    assert_eq!(told(one), ["One(0) 0 [3:b 3:c 3:a 0:a 0:b]"]);
}

#[test]
fn what_touches_several_partitions_stands_alone() {
    let stream = payload(&["SET b 1", "MSET a 1 b 2", "FLUSHALL", "SET b 3"]);
    let cut = &cuts(&stream, stream.len(), 2)[0];
    assert_eq!(told(cut), ["One(0) 0 [0:b]", "All 0 [0:a]", "All 0 [0:FLUSHALL]", "One(0) 0 [0:b]"]);
    assert_eq!(cut.pieces[1].slots, (0, SLOTS - 1));
}

#[test]
fn a_transaction_is_never_cut() {
    let within = payload(&["MULTI", "SET b 1", "SELECT 2", "SET a 2", "EXEC"]);
    let stream = [payload(&["SET b 0"]), within, payload(&["SET a 9"])].concat();
    for size in 1..stream.len() {
        let all: Vec<String> = cuts(&stream, size, 2).iter().flat_map(told).collect();
        assert_eq!(all, ["One(0) 0 [0:b]", "All 0 [0:b 2:a]", "One(1) 2 [2:a]"], "in chunks of {size}");
    }
    // Its end is not yet there: it waits, however often it is looked at.
    let open = payload(&["MULTI", "SET b 1"]);
    let mut cutter = Cutter::new(2, 16, 0);
    cutter.push(&open);
    assert!(cutter.cut().expect("a stream").is_none());
    cutter.push(&payload(&["SET b EXE"]));
    assert!(cutter.cut().expect("a stream").is_none());
    cutter.push(&payload(&["exec"]));
    assert_eq!(told(&cutter.cut().expect("a stream").expect("whole")), ["One(0) 0 [0:b 0:b]"]);
    assert_eq!(cutter.waiting(), 0);
}

#[test]
fn what_is_not_run_is_counted_and_a_master_that_asks_is_heard() {
    let stream = payload(&["PING", "REPLCONF GETACK *", "PUBLISH news hello", "SCRIPT FLUSH"]);
    let cut = &cuts(&stream, stream.len(), 2)[0];
    assert_eq!(told(cut), ["Nobody 0 []"]);
    assert!(cut.get_ack);
    assert_eq!(cut.pieces[0].messages.len(), 1);
    assert!(!cuts(&payload(&["PING"]), 100, 2)[0].get_ack);
}

#[test]
fn what_cannot_be_followed_is_named_behind_what_can() {
    for (line, part) in [
        ("NOSUCH a", "does not know: NOSUCH"),
        ("SELECT 16", "database 16"),
        ("SELECT x", "database x"),
        ("CONFIG SET a b", "does not know: CONFIG"),
    ] {
        let mut cutter = Cutter::new(1, 16, 0);
        cutter.push(&payload(&["SET a 1", line, "SET b 1"]));
        assert_eq!(told(&cutter.cut().expect("the first").expect("whole")), ["One(0) 0 [0:a]"]);
        let error = cutter.cut().expect_err(line).to_string();
        assert!(error.contains(part), "{error}");
    }
    let mut cutter = Cutter::new(1, 16, 0);
    cutter.push(b"SET a 1\r\n");
    assert!(cutter.cut().expect_err("inline").to_string().contains("inline"));
    let mut cutter = Cutter::new(1, 16, 0);
    cutter.push(b"*1\r\n$x\r\n");
    assert!(matches!(cutter.cut(), Err(StreamError::Protocol(_))));
}

#[test]
fn lines_that_say_when_are_passed_over() {
    let stream = [&b"#TS:1700000000\r\n"[..], &payload(&["SET a 1"]), b"#TS:1700000001\r\n"].concat();
    let all: Vec<String> = cuts(&stream, stream.len(), 1).iter().flat_map(told).collect();
    assert_eq!(all, ["One(0) 0 [0:a]"]);
}

#[test]
fn a_piece_stays_a_unit_of_bounded_size() {
    let lines: Vec<String> = (0..20).map(|n| format!("SET a {}", "x".repeat(40_000 + n))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let cut = &cuts(&payload(&lines), usize::MAX, 1)[0];
    assert!(cut.pieces.len() > 2, "{}", cut.pieces.len());
    assert!(cut.pieces.iter().all(|piece| piece.bytes.1 - piece.bytes.0 <= PIECE_BYTES));
}

#[test]
fn the_last_selected_database_of_a_record() {
    assert_eq!(last_selected(&payload(&["SET a 1"])), None);
    assert_eq!(last_selected(&payload(&["SELECT 3", "SET a 1", "SELECT 5", "SET b SELECT"])), Some(5));
    assert_eq!(last_selected(b"garbage"), None);
}

#[test]
fn a_cut_goes_up_to_an_offset_and_no_further() {
    let lines = [
        "SELECT 3",
        "SET b 1",
        "PING",
        "MULTI",
        "SET c 2",
        "SET a 1",
        "EXEC",
        "SET a 2",
        "REPLCONF GETACK *",
    ];
    let stream = payload(&lines);
    let length = |count: usize| payload(&lines[..count]).len();
    // Behind each unit; a transaction is one.
    for units in [1, 2, 3, 7, 8, 9] {
        let at = length(units);
        for size in [stream.len(), 7] {
            let (mut cutter, mut done) = (Cutter::new(2, 16, 0), 0);
            for chunk in stream.chunks(size) {
                cutter.push(chunk);
                while let Some(cut) = cutter.cut_up_to((at - done) as u64).expect("a stream") {
                    done += cut.frame.len();
                    assert!(done <= at);
                }
            }
            assert_eq!(done, at, "{units} units in pieces of {size}");
            let mut rest = 0;
            while let Some(cut) = cutter.cut().expect("a stream") {
                rest += cut.frame.len();
            }
            assert_eq!(done + rest, stream.len());
        }
    }
    // No unit ends in the middle of one.
    let mut cutter = Cutter::new(2, 16, 0);
    cutter.push(&stream);
    assert!(cutter.cut_up_to(3).expect("a stream").is_none());
    assert_eq!(
        cutter.cut_up_to(length(5) as u64).expect("a stream").map(|cut| cut.frame.len()),
        Some(length(3))
    );
    assert!(cutter.cut_up_to(1).expect("a stream").is_none());
    assert!(cutter.cut().expect("a stream").is_some());
}
