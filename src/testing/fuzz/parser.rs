//! Requests and replies, whole and cut.

use super::Choices;
use crate::resp::{Batch, Limits, Parser, ProtocolError, parse_value};

/// What a stream of requests is read as.
#[derive(Debug, PartialEq)]
struct Read {
    commands: Vec<Vec<Vec<u8>>>,
    error: Option<ProtocolError>,
    /// Bytes that belong to no whole request.
    left: usize,
}

/// Arbitrary bytes to the parser of requests, in one piece and cut at arbitrary places: the same commands and the same
/// error, and no more memory than a multiple of the input. To the reader of replies as well: what it takes for whole
/// it takes for the same with more behind it, and for nothing with less.
pub fn parser(data: &[u8]) {
    let (mut choices, data) = Choices::take(data);
    let tight = Limits { max_bulk_len: 40, max_args: 12, max_inline: 24, authenticated: true };
    let limits = if choices.bit(0) { tight } else { Limits::default() };
    let limits = Limits { authenticated: !choices.bit(1), ..limits };
    let whole = read(&[data], &limits, usize::MAX);
    let at_a_time = if choices.bit(2) { 1 } else { 7 };
    let pieces = choices.cut(data);
    assert_eq!(read(&pieces, &limits, at_a_time), whole, "cut into {pieces:?}");
    replies(data);
}

fn read(pieces: &[&[u8]], limits: &Limits, at_a_time: usize) -> Read {
    let (mut parser, mut batch, mut buffer) = (Parser::new(), Batch::default(), Vec::new());
    let mut found = Read { commands: Vec::new(), error: None, left: 0 };
    let came: usize = pieces.iter().map(|piece| piece.len()).sum();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            batch.clear();
            let parsed = parser.parse(&buffer, limits, at_a_time, &mut batch);
            let places = batch.ranges.capacity() + parser.pending_capacity();
            let taken = places * 8 + batch.commands.capacity() * 16 + batch.inline.capacity();
            assert!(taken <= 64 * came + 1024, "{taken} bytes for {came}");
            assert!(parser.bytes_wanted() as u64 <= limits.max_bulk_len.max(16_384) + 2);
            let words = |command| batch.arguments(&buffer, command).map(<[u8]>::to_vec).collect();
            found.commands.extend(batch.commands.iter().map(words));
            match parsed {
                Ok(consumed) => {
                    assert!(batch.commands.iter().all(|command| command.end as usize <= consumed));
                    drop(buffer.drain(..consumed));
                    if batch.commands.len() < at_a_time {
                        break;
                    }
                }
                Err(failure) => {
                    found.error = Some(failure.error);
                    return found;
                }
            }
        }
    }
    found.left = buffer.len();
    found
}

fn replies(data: &[u8]) {
    let Ok(Some((value, length))) = parse_value(data) else { return };
    let again = parse_value(&data[..length]).expect("whole").expect("whole");
    // As text: NaN is no NaN.
    assert_eq!(format!("{again:?}"), format!("{:?}", (value, length)));
    assert_eq!(parse_value(&data[..length - 1]), Ok(None), "a reply without its last byte");
}
