//! What stream commands answer, as Redis 7.4 does.

use super::*;
use crate::keyspace::transaction::{Block, Otherwise};
use crate::resp::Protocol;
use crate::testing::{MiniServer, check};

mod blocking;
mod compared;
mod effects;
mod entries;
mod groups;
mod long;

/// The commands of the log since record `from`, one a line.
fn logged(server: &MiniServer, from: usize) -> String {
    let shown = server.log[from..].iter().map(|record| {
        let text = String::from_utf8_lossy(&record.payload).into_owned();
        let words: Vec<&str> = text.split("\r\n").filter(|part| !part.is_empty()).collect();
        // `*3 $4 XDEL $1 s $3 1-1`: every second piece is a word.
        let is_header = |piece: &&str| {
            piece.starts_with(['*', '$']) && piece.len() > 1 && piece[1..].bytes().all(|b| b.is_ascii_digit())
        };
        words
            .into_iter()
            .map(|piece| if piece.starts_with('*') && is_header(&piece) { "|" } else { piece })
            .filter(|piece| !is_header(piece))
            .collect::<Vec<_>>()
            .join(" ")
            .trim_start_matches("| ")
            .replace(" | ", "\n")
    });
    shown.collect::<Vec<_>>().join("\n")
}
