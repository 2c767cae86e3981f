//! The reader.

use super::*;
use crate::binlog::segment::name;

fn long_log(files: &Simulated) -> (Writer, Vec<Record>) {
    let mut writer = open_at(files, 77).unwrap().writer;
    let mut random = fastrand::Rng::with_seed(3);
    let lengths: Vec<usize> = (0..200).map(|_| random.usize(1..150)).collect();
    let records = records(77, &lengths);
    for group in records.chunks(7) {
        writer.append(group).unwrap();
    }
    assert!(writer.segments().len() > 20);
    (writer, records)
}

#[test]
fn from_every_offset() {
    let files = Simulated::new();
    let (writer, records) = long_log(&files);
    let end = writer.written_offset();
    for offset in 77..end {
        let mut reader = Reader::open(arc(&files), directory(), offset, end).unwrap();
        let first = reader.read().unwrap().unwrap().to_record();
        assert!(first.offset <= offset && offset < first.end_offset(), "the first one covers {offset}");
    }
    for (index, start) in records.iter().enumerate().step_by(9) {
        assert_eq!(read_all(&files, start.offset, end).unwrap(), records[index..]);
    }
    assert_eq!(read_all(&files, end, end).unwrap(), []);
}

#[test]
fn positions_name_the_history() {
    let files = Simulated::new();
    let (writer, _) = long_log(&files);
    let mut reader = Reader::open(arc(&files), directory(), 77, writer.written_offset()).unwrap();
    while reader.read().unwrap().is_some() {}
    assert_eq!(reader.position(), writer.position());
    // The same records under another clock are another history, from there on.
    let other = Simulated::new();
    let mut other_writer = open_at(&other, 77).unwrap().writer;
    let mut group = records(77, &[5, 5]);
    group[1].clock_ms += 1;
    other_writer.append(&group).unwrap();
    let mut same_writer = open_at(&Simulated::new(), 77).unwrap().writer;
    same_writer.append(&records(77, &[5, 5])).unwrap();
    assert_eq!(other_writer.position().offset, same_writer.position().offset);
    assert_ne!(other_writer.position().crc, same_writer.position().crc);
}

#[test]
fn beyond_either_end() {
    let files = Simulated::new();
    let (mut writer, _) = long_log(&files);
    let end = writer.written_offset();
    let open = |offset| Reader::open(arc(&files), directory(), offset, end);
    assert!(
        matches!(open(end + 1), Err(Error::AheadOfLog { requested, end: found }) if requested == end + 1 && found == end)
    );
    assert!(matches!(open(76), Err(Error::Purged { requested: 76, oldest: 77 })));
    let gone = writer.segments()[..2].to_vec();
    writer.remove(&gone).unwrap().perform().unwrap();
    let left = writer.segments()[0].first_offset;
    assert!(matches!(open(77), Err(Error::Purged { requested: 77, oldest }) if oldest == left));
    assert_eq!(read_all(&files, left, end).unwrap()[0].offset, left);
}

#[test]
fn retention_overtakes_a_reader() {
    let files = Simulated::new();
    let (mut writer, _) = long_log(&files);
    let mut reader = Reader::open(arc(&files), directory(), 77, writer.written_offset()).unwrap();
    reader.read().unwrap();
    let gone = writer.segments()[..4].to_vec();
    writer.remove(&gone).unwrap().perform().unwrap();
    // The file that it has open is read to its end.
    let error = loop {
        match reader.read() {
            Ok(record) => assert!(record.unwrap().header.offset < gone[0].end_offset),
            Err(error) => break error,
        }
    };
    let Error::Purged { requested, oldest } = error else { panic!("{error}") };
    assert_eq!((requested, oldest), (gone[0].end_offset, writer.segments()[0].first_offset));
}

#[test]
fn a_hole_is_no_purge() {
    let files = Simulated::new();
    let (writer, _) = long_log(&files);
    files.remove(&path(&writer.segments()[3].name())).unwrap();
    let error = read_all(&files, 77, writer.written_offset()).unwrap_err();
    let reason = Reason::MissingSegment { first_offset: writer.segments()[3].first_offset };
    assert!(matches!(error, Error::Corrupt { reason: found, .. } if found == reason));
}

#[test]
fn while_the_writer_appends() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    let mut reader = Reader::open(arc(&files), directory(), 0, 0).unwrap();
    let mut random = fastrand::Rng::with_seed(9);
    let (mut next, mut seen) = (0, 0);
    for round in 0..400 {
        let lengths: Vec<usize> = (0..random.usize(1..5)).map(|_| random.usize(1..200)).collect();
        writer.append(&records(next, &lengths)).unwrap();
        next = writer.written_offset();
        if round % 50 == 20 {
            // An empty segment is replaced twice; the reader may have it open.
            writer.set_epoch(writer.position().epoch + 1, 1).unwrap();
            reader.extend(next);
            while let Some(record) = reader.read().unwrap() {
                seen = record.header.offset + record.payload.len() as u64;
            }
            writer.set_epoch(writer.position().epoch + 1, 1).unwrap();
        }
        if random.bool() {
            reader.extend(next);
            let some = random.usize(..10);
            for _ in 0..some {
                let Some(record) = reader.read().unwrap() else { break };
                assert_eq!(record.to_record(), self::record(seen, record.payload.len()));
                seen += record.payload.len() as u64;
            }
        }
    }
    reader.extend(next);
    while let Some(record) = reader.read().unwrap() {
        seen += record.payload.len() as u64;
    }
    assert_eq!((seen, reader.offset()), (next, next));
}

/// What lies beyond the limit may be half written; it is not looked at, and not remembered.
#[test]
fn half_written_bytes_beyond_the_limit() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[10, 10])).unwrap();
    let file = files.open(&path(&name(0))).unwrap();
    let end = file.len().unwrap();
    file.write_at(&[0xee; 30], end).unwrap();
    let mut reader = Reader::open(arc(&files), directory(), 0, 20).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().header.offset, 0);
    writer.append(&records(20, &[10])).unwrap();
    reader.extend(30);
    assert_eq!(reader.read().unwrap().unwrap().header.offset, 10);
    assert_eq!(reader.read().unwrap().unwrap().header.offset, 20);
    assert_eq!(reader.read().unwrap(), None);
}

#[test]
fn records_longer_than_the_buffer() {
    let files = Simulated::new();
    let options = Options { segment_bytes: 1 << 20, ..options() };
    let mut writer = open(arc(&files), directory(), 0, options).unwrap().writer;
    // Lengths around the buffer's, so that headers and payloads straddle its end in every way.
    let lengths: Vec<usize> = (0..120).map(|index| 65_400 + index * 3).chain([300_000, 1, 2, 3]).collect();
    let records = records(0, &lengths);
    writer.append(&records).unwrap();
    let end = writer.written_offset();
    assert_eq!(read_all(&files, 0, end).unwrap(), records);
    for index in [1, 50, 119, 122] {
        assert_eq!(read_all(&files, records[index].offset, end).unwrap(), records[index..]);
    }
    drop(writer);
    let recovered = open(arc(&files), directory(), 0, Options { verify_sealed: true, ..options }).unwrap();
    assert_eq!((recovered.end_offset, recovered.cut_bytes), (end, 0));
}
