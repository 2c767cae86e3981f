use super::*;

/// The commands of a stream, and how it ended.
type Outcome = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Feeds `stream` in reads that end at `cuts` and at its end, as a connection would; also returns the bytes left over.
fn feed(stream: &[u8], cuts: &[usize], limits: &Limits, max_commands: usize) -> (Outcome, Vec<u8>) {
    let (mut parser, mut buffer, mut batch) = (Parser::new(), Vec::new(), Batch::default());
    let (mut commands, mut start) = (Vec::new(), 0);
    for &cut in cuts.iter().chain(&[stream.len()]) {
        buffer.extend_from_slice(&stream[start..cut]);
        start = cut;
        loop {
            batch.clear();
            let result = parser.parse(&buffer, limits, max_commands, &mut batch);
            let mut end = 0;
            for command in &batch.commands {
                assert!(command.end > end && command.count > 0);
                end = command.end;
                commands.push(batch.arguments(&buffer, command).map(<[u8]>::to_vec).collect::<Vec<_>>());
            }
            let total: u32 = batch.commands.iter().map(|command| command.count).sum();
            assert_eq!(total as usize, batch.ranges.len());
            match result {
                Ok(consumed) => {
                    assert!(consumed >= end as usize);
                    buffer.drain(..consumed);
                }
                Err(failure) => {
                    assert!(failure.consumed >= end as usize);
                    return ((commands, Some(failure.error)), buffer);
                }
            }
            if batch.commands.len() < max_commands {
                break;
            }
        }
    }
    ((commands, None), buffer)
}

fn parse(stream: &[u8]) -> Outcome {
    feed(stream, &[], &Limits::default(), usize::MAX).0
}

fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut stream = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        stream.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        stream.extend_from_slice(arg);
        stream.extend_from_slice(b"\r\n");
    }
    stream
}

fn commands(expected: &[&[&[u8]]]) -> Vec<Vec<Vec<u8>>> {
    expected.iter().map(|args| args.iter().map(|arg| arg.to_vec()).collect()).collect()
}

fn error(stream: &[u8], limits: &Limits) -> Option<ProtocolError> {
    feed(stream, &[], limits, usize::MAX).0.1
}

#[test]
fn arguments_are_found_where_they_are() {
    let buffer = [request(&[b"SET", b"k", b"v\r\n"]), request(&[b"PING"])].concat();
    let mut batch = Batch::default();
    let consumed = Parser::new().parse(&buffer, &Limits::default(), 10, &mut batch);
    assert_eq!(consumed, Ok(buffer.len()));
    assert_eq!(batch.ranges, [(8, 11), (17, 18), (24, 27), (37, 41)]);
    assert_eq!(
        batch.commands,
        [
            Command { first: 0, count: 3, end: 29, inline: false },
            Command { first: 3, count: 1, end: 43, inline: false }
        ]
    );
    assert!(batch.inline.is_empty());
}

#[test]
fn empty_requests_are_skipped_and_consumed() {
    let stream = b"\r\n\n*0\r\n*-1\r\n*-5\r\n  \r\nPING\n*0\r\n";
    assert_eq!(parse(stream), (commands(&[&[b"PING"]]), None));
    assert_eq!(feed(stream, &[], &Limits::default(), usize::MAX).1, b"");
    assert_eq!(parse(b"*1\r\n$0\r\n\r\n"), (commands(&[&[b""]]), None));
}

#[test]
fn inline_requests_and_arrays_may_follow_each_other() {
    let stream = b"SET \"a\\x20b\" 'c'\r\n*1\r\n$4\r\nPING\r\nGET k\n";
    assert_eq!(parse(stream), (commands(&[&[b"SET", b"a b", b"c"], &[b"PING"], &[b"GET", b"k"]]), None));
}

#[test]
fn line_ends_are_as_lax_as_in_redis() {
    assert_eq!(parse(b"*1\rx$4\ryPINGzz*1\r\n$1\r\na\r\n"), (commands(&[&[b"PING"], &[b"a"]]), None));
}

#[test]
fn the_caller_bounds_how_many_commands_it_gets() {
    let buffer = b"A\nB\nC\n";
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    assert_eq!(parser.parse(buffer, &Limits::default(), 0, &mut batch), Ok(0));
    assert_eq!(parser.parse(buffer, &Limits::default(), 2, &mut batch), Ok(4));
    assert_eq!(batch.commands.len(), 2);
    batch.clear();
    assert_eq!(parser.parse(&buffer[4..], &Limits::default(), 2, &mut batch), Ok(2));
    assert_eq!(batch.arguments(&buffer[4..], &batch.commands[0]).next(), Some(&b"C"[..]));
}

#[test]
fn errors_have_the_words_of_redis() {
    let long = |start: &[u8]| [start, &[b'1'; 65_537]].concat();
    let table: &[(&[u8], &[u8])] = &[
        (b"*x\r\n", b"invalid multibulk length"),
        (b"*\r\n", b"invalid multibulk length"),
        (b"*01\r\n", b"invalid multibulk length"),
        (b"*+1\r\n", b"invalid multibulk length"),
        (b"* 1\r\n", b"invalid multibulk length"),
        (b"*1\n\r\n", b"invalid multibulk length"),
        (b"*99999999999999999999\r\n", b"invalid multibulk length"),
        (b"*2147483648\r\n", b"invalid multibulk length"),
        (b"*1\r\nx\r\n", b"expected '$', got 'x'"),
        (b"*1\r\n\r\n", b"expected '$', got ' '"),
        (b"*1\r\n\n\r\n", b"expected '$', got ' '"),
        (b"*1\r\n\x07\r\n", b"expected '$', got '\x07'"),
        (b"*1\r\n\xff\r\n", b"expected '$', got '\xff'"),
        (b"*1\r\n:1\r\n", b"expected '$', got ':'"),
        (b"*1\r\n$-1\r\n", b"invalid bulk length"),
        (b"*1\r\n$\r\n", b"invalid bulk length"),
        (b"*1\r\n$04\r\nPING\r\n", b"invalid bulk length"),
        (b"*1\r\n$536870913\r\n", b"invalid bulk length"),
        (b"\"a\r\n", b"unbalanced quotes in request"),
        (&long(b"*"), b"too big mbulk count string"),
        (&long(b"*1\r\n$"), b"too big bulk count string"),
        (&long(b"*1\r\nx"), b"too big bulk count string"),
        (&long(b"a"), b"too big inline request"),
    ];
    for (stream, text) in table {
        let found = error(stream, &Limits::default()).unwrap();
        assert_eq!(found.message(), [b"Protocol error: ", *text].concat(), "{stream:?}");
        if text.is_ascii() {
            assert_eq!(found.to_string().into_bytes(), found.message());
        }
    }
}

#[test]
fn commands_before_an_error_are_kept_and_those_after_it_are_not() {
    let good = [request(&[b"SET", b"k", b"v"]), b"PING\r\n".to_vec()].concat();
    let buffer = [&good[..], b"*2\r\n$1\r\na\r\n!", b"\r\n", &request(&[b"PING"])].concat();
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    let failure = Failure { consumed: good.len(), error: ProtocolError::ExpectedDollar(b'!') };
    assert_eq!(parser.parse(&buffer, &Limits::default(), usize::MAX, &mut batch), Err(failure));
    assert_eq!((batch.commands.len(), batch.ranges.len()), (2, 4));
}

#[test]
fn each_limit_holds_at_its_value_and_not_above() {
    let limits = Limits { max_bulk_len: 5, max_args: 3, max_inline: 12, authenticated: true };
    assert_eq!(error(b"*3\r\n", &limits), None);
    assert_eq!(error(b"*4\r\n", &limits), Some(ProtocolError::InvalidMultibulkLength));
    assert_eq!(error(b"*1\r\n$5\r\n", &limits), None);
    assert_eq!(error(b"*1\r\n$6\r\n", &limits), Some(ProtocolError::InvalidBulkLength));
    // 12 bytes before the line's end, however much of the line has come.
    assert_eq!(error(b"abcdefghijkl", &limits), None);
    assert_eq!(error(b"abcdefghijkl\n", &limits), None);
    assert_eq!(error(b"abcdefghijklm", &limits), Some(ProtocolError::TooBigInlineRequest));
    assert_eq!(error(b"abcdefghijklm\n", &limits), Some(ProtocolError::TooBigInlineRequest));
    assert_eq!(error(b"*00000000001", &limits), None);
    assert_eq!(error(b"*00000000001\r\n", &limits), Some(ProtocolError::InvalidMultibulkLength));
    assert_eq!(error(b"*000000000001", &limits), Some(ProtocolError::TooBigMbulkCountString));
    assert_eq!(error(b"*000000000001\r\n", &limits), Some(ProtocolError::TooBigMbulkCountString));
    assert_eq!(error(b"*1\r\n$00000000001\r\n", &limits), Some(ProtocolError::InvalidBulkLength));
    assert_eq!(error(b"*1\r\n$000000000001\r\n", &limits), Some(ProtocolError::TooBigBulkCountString));
    let tight = Limits { max_inline: 1, ..limits };
    assert_eq!(error(b"*3\r\n", &tight), Some(ProtocolError::TooBigMbulkCountString));

    let default = Limits::default();
    assert_eq!(error(b"*1048576\r\n", &default), None);
    assert_eq!(error(b"*1048577\r\n", &default), Some(ProtocolError::InvalidMultibulkLength));
    assert_eq!(error(b"*1\r\n$536870912\r\n", &default), None);
    let wide = Limits { max_args: i64::MAX, max_bulk_len: u64::MAX, ..default };
    assert_eq!(error(b"*2147483647\r\n$9223372036854775807\r\n", &wide), None);
    assert_eq!(error(b"*2147483648\r\n", &wide), Some(ProtocolError::InvalidMultibulkLength));
}

#[test]
fn strangers_may_send_little() {
    let limits = Limits { authenticated: false, ..Limits::default() };
    assert_eq!(error(b"*10\r\n", &limits), None);
    let found = error(b"*11\r\n", &limits).unwrap();
    assert_eq!(found.to_string(), "Protocol error: unauthenticated multibulk length");
    assert_eq!(error(b"*1\r\n$16384\r\n", &limits), None);
    let found = error(b"*1\r\n$16385\r\n", &limits).unwrap();
    assert_eq!(found.to_string(), "Protocol error: unauthenticated bulk length");
}

#[test]
fn headers_alone_reserve_nothing() {
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    let buffer = b"*1048576\r\n$536870912\r\nabc";
    assert_eq!(parser.parse(buffer, &Limits::default(), 10, &mut batch), Ok(0));
    assert_eq!((batch.ranges.capacity(), batch.commands.capacity(), parser.pending.capacity()), (0, 0, 0));
    assert_eq!(parser.bytes_wanted(), 536_870_912 + 2 - 3);
}

#[test]
fn a_cleared_batch_keeps_little_memory() {
    let args = vec![&b"a"[..]; 100_000];
    let stream = request(&args);
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    assert_eq!(parser.parse(&stream, &Limits::default(), 10, &mut batch), Ok(stream.len()));
    assert_eq!(batch.ranges.len(), 100_000);
    batch.clear();
    assert_eq!(batch, Batch::default());
    assert!(batch.ranges.capacity() < 100_000);
}

#[test]
fn the_wanted_bytes_are_those_of_the_argument() {
    let (mut parser, mut batch) = (Parser::new(), Batch::default());
    let stream = request(&[b"GET", &[b'x'; 100]]);
    for (end, wanted) in
        [(3, 0), (10, 3), (15, 0), (19, 102), (20, 101), (stream.len() - 1, 1), (stream.len(), 0)]
    {
        let consumed = parser.parse(&stream[..end], &Limits::default(), 10, &mut batch).unwrap();
        assert_eq!(parser.bytes_wanted(), wanted, "{end}");
        assert_eq!(consumed, if end == stream.len() { end } else { 0 });
    }
    assert_eq!(batch.commands.len(), 1);
}

/// Streams of every shape: good, bad, and with a rest.
fn samples() -> Vec<Vec<u8>> {
    let big = [b'v'; 300];
    [
        request(&[b"PING"]),
        request(&[b"SET", b"key:000000000001", &big]),
        request(&[b"", b"\r\n", b"*1\r\n", b"$"]),
        [request(&[b"GET", b"a"]), request(&[b"GET", b"b"]), request(&[b"DEL", b"c", b"d"])].concat(),
        b"PING\r\nSET \"a b\" 'c\\'d'\n\r\n*0\r\nGET k\r\n".to_vec(),
        [&b"*-1\r\n*0\r\n"[..], &request(&[b"PING"]), b"GET x\r\n", &request(&[b"ECHO", b"hi"])].concat(),
        [request(&[b"PING"]), b"*2\r\n$3\r\nGET\r\n$".to_vec()].concat(),
        [request(&[b"PING"]), b"*2\r\n$3\r\nGET\r\nx1\r\n".to_vec()].concat(),
        [request(&[b"PING"]), b"*1\r\n$-1\r\nrest".to_vec()].concat(),
        b"a\r\n\"b\r\nc\r\n".to_vec(),
        b"*1\rx$4\ryPINGzz\r\r\n".to_vec(),
        b"*a\r\n".to_vec(),
    ]
    .into()
}

#[test]
fn a_stream_means_the_same_wherever_it_is_cut() {
    let limits = Limits { max_inline: 40, ..Limits::default() };
    for stream in samples() {
        let whole = feed(&stream, &[], &limits, usize::MAX).0;
        for cut in 0..=stream.len() {
            assert_eq!(feed(&stream, &[cut], &limits, usize::MAX).0, whole, "{cut} in {stream:?}");
            assert_eq!(feed(&stream, &[cut], &limits, 1).0, whole, "{cut} in {stream:?}");
        }
        let bytes: Vec<usize> = (1..stream.len()).collect();
        assert_eq!(feed(&stream, &bytes, &limits, usize::MAX).0, whole, "{stream:?}");
    }
}

#[test]
fn mutated_streams_mean_the_same_wherever_they_are_cut() {
    let samples = samples();
    let limits = Limits { max_inline: 40, max_args: 20, max_bulk_len: 400, authenticated: true };
    let mut random = fastrand::Rng::with_seed(20_260_101);
    for _ in 0..100_000 {
        let mut stream = samples[random.usize(..samples.len())].clone();
        for _ in 0..random.usize(..4) {
            let at = random.usize(..stream.len());
            match random.u8(..4) {
                0 => stream[at] = random.u8(..),
                1 => stream[at] = b"*$\r\n0123456789- \"'\\"[random.usize(..19)],
                2 => stream.insert(at, b"*$\r\n0123456789- \"'\\"[random.usize(..19)]),
                _ if stream.len() > 1 => drop(stream.remove(at)),
                _ => {}
            }
        }
        let limits = Limits { authenticated: random.bool(), ..limits.clone() };
        let whole = feed(&stream, &[], &limits, usize::MAX).0;
        let mut cuts: Vec<usize> = (0..random.usize(1..6)).map(|_| random.usize(..=stream.len())).collect();
        cuts.sort_unstable();
        let max_commands = random.usize(1..4);
        assert_eq!(feed(&stream, &cuts, &limits, max_commands).0, whole, "{cuts:?} in {stream:?}");
    }
}

/// Parses `stream` in reads of `read` bytes; returns the parser's steps and the number of calls.
fn steps(stream: &[u8], read: usize) -> (usize, usize) {
    let (mut parser, mut batch, mut calls) = (Parser::new(), Batch::default(), 0);
    for end in (read..stream.len()).step_by(read).chain([stream.len()]) {
        calls += 1;
        let consumed = parser.parse(&stream[..end], &Limits::default(), 10, &mut batch);
        let complete = if end == stream.len() && !batch.commands.is_empty() { end } else { 0 };
        assert_eq!(consumed, Ok(complete));
    }
    (parser.steps, calls)
}

#[test]
fn work_grows_with_the_bytes_and_not_with_the_reads() {
    let mut args = vec![b"MSET".to_vec()];
    args.extend((0..100_000).map(|n| format!("key:{n}").into_bytes()));
    let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    let stream = request(&args);
    let (whole, _) = steps(&stream, stream.len());
    assert!(whole < stream.len());
    let (chunked, calls) = steps(&stream, 16 << 10);
    // A read that ends within an argument looks at most at one line's start and at the argument's length again.
    assert!(chunked <= whole + 16 * calls, "{chunked} {whole} {calls}");
}

#[test]
fn a_big_argument_costs_one_step_a_read() {
    let stream = request(&[b"SET", b"k", &vec![b'v'; 1 << 20]]);
    let (steps, calls) = steps(&stream, 100);
    assert!(steps <= calls + 100, "{steps} {calls}");
}

#[test]
fn a_line_that_drips_in_is_searched_once() {
    for start in [&b"*"[..], b"*1\r\n$", b"a"] {
        let stream = [start, &[b'1'; 60_000]].concat();
        let (steps, calls) = steps(&stream, 1);
        assert!(steps <= 2 * calls, "{steps} {calls}");
    }
}
