//! Every flipped byte and every length of a log's files.

use super::*;

/// The scripted log, all on disk: records over several segments; the last group was written, not synced.
struct Scripted {
    files: Simulated,
    records: Vec<Record>,
    synced: u64,
    end: u64,
}

fn scripted() -> Scripted {
    let files = Simulated::new();
    let mut writer = open_at(&files, 500).unwrap().writer;
    let records = records(500, &[30, 1, 90, 17, 60, 44, 8, 120, 3, 25, 33, 9, 14, 20, 11, 7, 6, 5]);
    for (index, group) in records.chunks(2).enumerate() {
        writer.append(group).unwrap();
        if index % 2 == 1 {
            writer.sync().unwrap();
        }
    }
    assert!(writer.segments().len() >= 3);
    let tail = writer.segments().last().unwrap().first_offset;
    let (synced, end) = (writer.synced_offset(), writer.written_offset());
    assert!(tail < synced && synced < end, "the last segment has synced and other records");
    drop(writer);
    Scripted { files: files.copy(), records, synced, end }
}

impl Scripted {
    fn copy(&self, with_mark: bool) -> Simulated {
        let files = self.files.copy();
        if !with_mark {
            files.remove(&path(mark::NAME)).unwrap();
        }
        files
    }

    fn segments(&self) -> Vec<String> {
        let mut names = self.files.list(directory()).unwrap();
        names.retain(|name| name != mark::NAME);
        names
    }

    /// Opens a damaged log: an error, or a prefix that reaches at least to `kept`.
    fn check(&self, files: &Simulated, kept: u64, what: &str) -> Option<u64> {
        let before = files.copy();
        let options = Options { verify_sealed: true, ..options() };
        match open(arc(files), directory(), 500, options) {
            Ok(recovered) => {
                let end = recovered.end_offset;
                assert!(end >= kept, "{what}: ends at {end}, {kept} was to be kept");
                let wanted: Vec<_> =
                    self.records.iter().filter(|record| record.offset < end).cloned().collect();
                assert_eq!(read_all(files, 500, end).unwrap(), wanted, "{what}");
                assert_eq!(verify(files, directory()).unwrap().offset, end);
                Some(end)
            }
            Err(Error::Corrupt { .. } | Error::UnknownVersion { .. }) => {
                for name in before.list(directory()).unwrap() {
                    assert_eq!(
                        content(files, &name),
                        content(&before, &name),
                        "{what}: an error changes nothing"
                    );
                }
                None
            }
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

/// What the log itself proves to have been synced, if the record at `bad` is not readable.
fn proven(log: &Scripted, bad: u64) -> u64 {
    let mut reader = Reader::open(arc(&log.files), directory(), 500, log.end).unwrap();
    let mut synced = log.segments().iter().filter_map(|name| segment::parse_name(name)).max().unwrap();
    while let Some(record) = reader.read().unwrap() {
        if record.header.offset != bad {
            synced = synced.max(record.header.synced);
        }
    }
    synced
}

#[test]
fn every_flipped_byte() {
    let log = scripted();
    let (mut refused, mut cut) = (0, 0);
    for name in log.segments() {
        let bytes = content(&log.files, &name);
        let sealed = name != *log.segments().last().unwrap();
        for position in 0..bytes.len() {
            for (with_mark, mask) in [(true, 1), (true, 0xff), (false, 0x80)] {
                let files = log.copy(with_mark);
                let mut changed = bytes.clone();
                changed[position] ^= mask;
                set_content(&files, &name, &changed);
                let what = format!("{name} byte {position}, mark {with_mark}");
                let offset = offset_at(&bytes, segment::parse_name(&name).unwrap(), position);
                let promised = if with_mark { log.synced } else { proven(&log, offset) };
                match log.check(&files, promised, &what) {
                    Some(end) => {
                        assert_eq!(end, offset, "{what}: only the damaged record and what follows is cut");
                        cut += 1;
                    }
                    None => {
                        assert!(
                            sealed || position < 64 || offset < promised,
                            "{what}: a torn tail is no error"
                        );
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 1000 && cut > 100, "{refused} {cut}");
}

/// The offset of the record in which a byte of a whole segment lies.
fn offset_at(bytes: &[u8], first_offset: u64, position: usize) -> u64 {
    let (mut at, mut offset) = (64, first_offset);
    while at < bytes.len() {
        let length = u32::from_le_bytes(*bytes[at + 20..].first_chunk().unwrap());
        at += 52 + length as usize;
        if position < at {
            break;
        }
        offset += u64::from(length);
    }
    offset
}

#[test]
fn every_length_of_the_last_segment() {
    let log = scripted();
    let name = log.segments().pop().unwrap();
    let bytes = content(&log.files, &name);
    for (length, with_mark) in (0..bytes.len()).flat_map(|length| [(length, true), (length, false)]) {
        let files = log.copy(with_mark);
        set_content(&files, &name, &bytes[..length]);
        let offset = offset_at(&bytes, segment::parse_name(&name).unwrap(), length);
        let end = log.check(&files, 0, &format!("{length} bytes, mark {with_mark}"));
        // Without the mark nothing speaks for records at the very end: the documented limit.
        let lost = length < 64 || (with_mark && offset < log.synced);
        let last_proof = proven_by_prefix(&log, offset);
        assert_eq!(
            end,
            if lost || last_proof > offset { None } else { Some(offset) },
            "{length} {with_mark}"
        );
    }
}

/// What records before an offset, and nothing else, prove.
fn proven_by_prefix(log: &Scripted, offset: u64) -> u64 {
    let mut reader = Reader::open(arc(&log.files), directory(), 500, offset).unwrap();
    let mut synced = 0;
    while let Some(record) = reader.read().unwrap() {
        synced = synced.max(record.header.synced);
    }
    synced
}

#[test]
fn finished_segments_are_whole() {
    let log = scripted();
    let names = log.segments();
    for name in &names[..names.len() - 1] {
        let bytes = content(&log.files, name);
        for length in 0..bytes.len() {
            let files = log.copy(true);
            set_content(&files, name, &bytes[..length]);
            // Without reading the finished segments.
            assert!(matches!(open_at(&files, 500), Err(Error::Corrupt { .. })), "{name} {length}");
        }
        let files = log.copy(true);
        set_content(&files, name, &[&bytes[..], b"x"].concat());
        let error = open_at(&files, 500).unwrap_err();
        assert!(matches!(error, Error::Corrupt { reason: Reason::SealedLength { .. }, .. }), "{error}");
    }
}

#[test]
fn damage_in_a_finished_segment_is_found_by_the_reader() {
    let log = scripted();
    let name = &log.segments()[1];
    let bytes = content(&log.files, name);
    for position in 64..bytes.len() {
        let files = log.copy(true);
        let mut changed = bytes.clone();
        changed[position] ^= 4;
        set_content(&files, name, &changed);
        let end = open_at(&files, 500).unwrap().end_offset;
        let error = read_all(&files, 500, end).unwrap_err();
        assert!(matches!(&error, Error::Corrupt { path: found, .. } if *found == path(name)), "{error}");
    }
}

#[test]
fn missing_segments_are_named() {
    let log = scripted();
    let names = log.segments();
    let files = log.copy(true);
    files.remove(&path(&names[1])).unwrap();
    let missing = segment::parse_name(&names[1]).unwrap();
    let error = open_at(&files, 500).unwrap_err();
    let reason = Reason::MissingSegment { first_offset: missing };
    assert!(matches!(&error, Error::Corrupt { reason: found, .. } if *found == reason), "{error}");
    // The last one: only the mark knows.
    let files = log.copy(true);
    files.remove(&path(names.last().unwrap())).unwrap();
    let error = open_at(&files, 500).unwrap_err();
    assert!(matches!(error, Error::Corrupt { reason: Reason::SyncedLost { .. }, .. }), "{error}");
    // All of them.
    let files = log.copy(true);
    names.iter().for_each(|name| files.remove(&path(name)).unwrap());
    let error = open_at(&files, 500).unwrap_err();
    assert!(matches!(error, Error::Corrupt { reason: Reason::SyncedLost { .. }, .. }), "{error}");
    // The oldest: that is what retention does.
    let files = log.copy(true);
    files.remove(&path(&names[0])).unwrap();
    assert!(
        matches!(open_at(&files, 500), Err(Error::Purged { requested: 500, oldest }) if oldest == missing)
    );
    assert_eq!(open_at(&files, missing).unwrap().oldest_offset, missing);
}

#[test]
fn segments_of_another_log_are_refused() {
    let log = scripted();
    let name = log.segments().pop().unwrap();
    let first_offset = segment::parse_name(&name).unwrap();
    // A log that began at the same offset, elsewhere.
    let other = Simulated::new();
    open_at(&other, first_offset).unwrap();
    let files = log.copy(false);
    set_content(&files, &name, &content(&other, &name));
    assert!(matches!(open_at(&files, 500), Err(Error::Corrupt { reason: Reason::Offset { .. }, .. })));
    // A segment under another name.
    let files = log.copy(false);
    files.rename(&path(&name), &path(&segment::name(first_offset + 1))).unwrap();
    assert!(matches!(open_at(&files, 500), Err(Error::Corrupt { reason: Reason::Offset { .. }, .. })));
}

#[test]
fn a_clean_end_protects_the_last_record() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[20, 20])).unwrap();
    assert_eq!(writer.close().unwrap(), 40);
    files.crash(crate::files::Loss::All);
    let name = segment::name(0);
    let mut bytes = content(&files, &name);
    *bytes.last_mut().unwrap() ^= 1;
    set_content(&files, &name, &bytes);
    let error = open_at(&files, 0).unwrap_err();
    let text = "binlog: /log/binlog-00000000000000000000 is corrupt at byte 136 (offset 20): a damaged payload is \
                here, but it was synced up to offset 40";
    assert_eq!(error.to_string(), text);
}

/// A client may store pieces of a log as a value. They are no proof of anything.
#[test]
fn records_inside_of_a_payload_are_not_believed() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[50, 50])).unwrap();
    writer.sync().unwrap();
    // A copy of this log, and one of a log with another salt that is far ahead.
    let own = content(&files, &segment::name(0));
    let other = Simulated::new();
    let ahead = Options { salt: 77, ..options() };
    let mut ahead = open(arc(&other), directory(), 150, ahead).unwrap().writer;
    ahead.append(&records(150, &[5])).unwrap();
    ahead.sync().unwrap();
    ahead.append(&records(155, &[5])).unwrap();
    let payload = [own, content(&other, &segment::name(150))].concat();
    let stored = Record { payload: payload.into(), ..record(100, 1) };
    let position = writer.segments()[0].bytes;
    writer.append(std::slice::from_ref(&stored)).unwrap();
    let name = writer.segments().last().unwrap().name();
    let start = if name == segment::name(0) { position } else { 64 } as usize;
    drop(writer);
    files.remove(&path(mark::NAME)).unwrap();
    let bytes = content(&files, &name);
    for flipped in [start, start + 60] {
        let files = files.copy();
        let mut bytes = bytes.clone();
        bytes[flipped] ^= 1;
        set_content(&files, &name, &bytes);
        let recovered = open_at(&files, 0).unwrap();
        assert_eq!((recovered.end_offset, recovered.cut_bytes), (100, 52 + stored.payload.len() as u64));
    }
}

#[test]
fn flags_of_a_later_version_are_refused() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[5])).unwrap();
    let name = segment::name(0);
    let mut bytes = content(&files, &name);
    bytes[64 + 50] = 1;
    let crc = crc32c::crc32c(&bytes[64 + 16..]);
    bytes[64 + 12..64 + 16].copy_from_slice(&crc.to_le_bytes());
    let header_crc = crc32c::crc32c(&[&options().salt.to_le_bytes()[..], &bytes[64 + 4..64 + 52]].concat());
    bytes[64..64 + 4].copy_from_slice(&header_crc.to_le_bytes());
    set_content(&files, &name, &bytes);
    let error = open_at(&files, 0).unwrap_err();
    assert!(matches!(error, Error::Corrupt { reason: Reason::Flags(1), .. }), "{error}");
}

#[test]
fn a_damaged_mark_is_taken_for_absent() {
    let log = scripted();
    for position in (0..mark::LENGTH).filter(|position| !(8..12).contains(position)) {
        let files = log.copy(true);
        let mut bytes = content(&files, mark::NAME);
        bytes[position] ^= 0x10;
        set_content(&files, mark::NAME, &bytes);
        assert_eq!(open_at(&files, 500).unwrap().end_offset, log.end);
        set_content(&files, mark::NAME, &bytes[..position]);
        assert_eq!(open_at(&files, 500).unwrap().end_offset, log.end);
    }
}

#[test]
fn a_torn_tail_can_be_refused_and_is_left_as_it_is() {
    let log = scripted();
    let files = log.copy(false);
    let last = log.segments().pop().expect("a segment");
    let length = content(&files, &last).len() as u64;
    set_content(&files, &last, &content(&files, &last)[..length as usize - 3]);
    let before = content(&files, &last);
    let refusing = Options { refuses_torn_tail: true, ..options() };
    match open(arc(&files), directory(), 500, refusing) {
        Err(error @ Error::Torn { .. }) => {
            assert!(error.to_string().contains("aof-load-truncated is no"), "{error}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(content(&files, &last), before);
    assert!(open(arc(&files), directory(), 500, options()).unwrap().cut_bytes > 0);
    // Once it is cut off, there is nothing to refuse.
    assert_eq!(open(arc(&files), directory(), 500, refusing).unwrap().cut_bytes, 0);
}
