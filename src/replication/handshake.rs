//! What a slave says before it gets anything: REPLCONF, PSYNC, SYNC.

use super::history::EARLIER;
use super::{Earlier, ReplicationId};
use crate::commands::args::Args;
use crate::number::parse_i64;

/// `REPLCONF capa` of a slave that takes the files of a checkpoint; servers that do not know it pass over it.
pub const FILES_CAPABILITY: &[u8] = b"pika-files";

/// `REPLCONF capa` of a slave that fetches again only what differs, if its master says where their histories parted.
pub const REFETCH_CAPABILITY: &[u8] = b"pika-refetch";
/// `REPLCONF capa` of such a slave begins so where it names an earlier history of its own; the id follows, `:`, and the
/// last offset up to which it was the same as the present one.
const EARLIER_CAPABILITY: &str = "pika-earlier:";

/// The capability that names an earlier history.
pub fn earlier_capability(earlier: &Earlier) -> String {
    format!("{EARLIER_CAPABILITY}{}:{}", earlier.id, earlier.until)
}

/// What a slave said of itself with REPLCONF.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// `listening-port`; 0 if it did not say.
    pub port: u16,
    /// `ip-address`; empty if it did not say.
    pub ip: String,
    /// `capa eof`: it can take a snapshot without a length, that ends with a mark.
    pub eof: bool,
    /// `capa psync2`: it can go on under another id.
    pub psync2: bool,
    /// `capa pika-files`: it takes a data set as the files of a checkpoint.
    pub files: bool,
    /// `capa pika-refetch`: it fetches again only what differs.
    pub refetch: bool,
    /// `capa pika-earlier:…`: names that its history had, the newest first.
    pub earlier: Vec<Earlier>,
    /// `rdb-only 1`: it wants the snapshot, and no stream.
    pub only_snapshot: bool,
    /// `rdb-filter-only`: it wants a snapshot without keys (there are no functions that it could want instead).
    pub without_data: bool,
    /// It came with SYNC: it never acknowledges anything.
    pub silent: bool,
    /// It is the master of before, and has this slave take its role over (`PSYNC … FAILOVER`).
    pub hands_over: bool,
}

impl Announced {
    /// `capa` and a capability. Others than these are of versions to come.
    pub fn add_capability(&mut self, name: &[u8]) {
        self.eof |= name.eq_ignore_ascii_case(b"eof");
        self.psync2 |= name.eq_ignore_ascii_case(b"psync2");
        self.files |= name.eq_ignore_ascii_case(FILES_CAPABILITY);
        self.refetch |= name.eq_ignore_ascii_case(REFETCH_CAPABILITY);
        let earlier = std::str::from_utf8(name).ok().and_then(|name| {
            let (id, until) = name.strip_prefix(EARLIER_CAPABILITY)?.split_once(':')?;
            Some(Earlier { id: ReplicationId::parse(id.as_bytes())?, until: until.parse().ok()? })
        });
        self.earlier.extend(earlier.filter(|_| self.earlier.len() < EARLIER));
    }
}

/// What a slave asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Everything.
    Whole,
    /// What is behind an offset of a history.
    Continue {
        /// The history.
        id: ReplicationId,
        /// The last offset that it has.
        offset: u64,
    },
}

impl Request {
    /// Of PSYNC's words: an id (`?` for none) and the first offset that is missing. `None` if the second is no number.
    pub fn parse(id: &[u8], offset: &[u8]) -> Option<Request> {
        let next = parse_i64(offset)?;
        let known =
            ReplicationId::parse(id).zip(u64::try_from(next).ok().and_then(|next| next.checked_sub(1)));
        Some(match known {
            Some((id, offset)) => Request::Continue { id, offset },
            None if id == b"?" => Request::Whole,
            // An id that is none, or an offset before the first: it asked, and cannot go on.
            None => Request::Continue { id: ReplicationId::NONE, offset: u64::MAX },
        })
    }
}

/// The master that REPLICAOF names, or none for NO ONE.
///
/// # Errors
/// As Redis words it.
pub fn parse_master(args: Args<'_>) -> Result<Option<(String, u16)>, &'static str> {
    if args.word(1).eq_ignore_ascii_case(b"no") && args.word(2).eq_ignore_ascii_case(b"one") {
        return Ok(None);
    }
    let port = crate::number::parse_i64(args.word(2)).ok_or("ERR Invalid master port")?;
    let port = u16::try_from(port).map_err(|_| "ERR Invalid master port")?;
    Ok(Some((String::from_utf8_lossy(args.word(1)).into_owned(), port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psync_names_the_first_byte_that_is_missing() {
        let id = ReplicationId::from_random([7; 20]);
        let parse = |offset: &str| Request::parse(id.as_str().as_bytes(), offset.as_bytes());
        assert_eq!(parse("1"), Some(Request::Continue { id, offset: 0 }));
        assert_eq!(parse("101"), Some(Request::Continue { id, offset: 100 }));
        assert_eq!(parse("x"), None);
        assert_eq!(Request::parse(b"?", b"-1"), Some(Request::Whole));
    }

    #[test]
    fn an_earlier_history_is_read_as_it_was_written_and_in_no_other_way() {
        let earlier = Earlier { id: ReplicationId::from_random([9; 20]), until: 77 };
        let mut announced = Announced::default();
        for name in ["pika-earlier:", "pika-earlier:x:1", &format!("pika-earlier:{}:-1", earlier.id)] {
            announced.add_capability(name.as_bytes());
        }
        assert_eq!(announced, Announced::default());
        for _ in 0..EARLIER + 5 {
            announced.add_capability(earlier_capability(&earlier).as_bytes());
        }
        assert_eq!(announced.earlier, [earlier; EARLIER], "no more than there can be");
    }

    #[test]
    fn who_cannot_go_on_is_told_from_who_did_not_ask() {
        let id = ReplicationId::from_random([7; 20]);
        let never = Request::Continue { id: ReplicationId::NONE, offset: u64::MAX };
        assert_eq!(Request::parse(id.as_str().as_bytes(), b"0"), Some(never));
        assert_eq!(Request::parse(b"short", b"5"), Some(never));
    }
}
