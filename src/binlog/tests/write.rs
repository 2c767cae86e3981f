//! The writer, and the log on the real disk.

use super::*;
use crate::files::Real;

#[test]
fn an_empty_directory_begins_where_it_is_told() {
    let files = Simulated::new();
    let recovered = open_at(&files, 12_345).unwrap();
    assert_eq!((recovered.end_offset, recovered.oldest_offset), (12_345, 12_345));
    assert_eq!((recovered.cut_bytes, recovered.segments), (0, 1));
    let facts = recovered.writer.facts();
    assert_eq!((facts.segments, facts.bytes, facts.oldest_ms), (1, 64, options().now_ms));
    assert_eq!((facts.written_offset, facts.synced_offset, facts.epoch), (12_345, 12_345, 1));
    // Once it is there, its own offset counts.
    assert!(matches!(open_at(&files, 12_346), Err(Error::AheadOfLog { requested: 12_346, end: 12_345 })));
    assert!(matches!(open_at(&files, 12_344), Err(Error::Purged { requested: 12_344, oldest: 12_345 })));
}

#[test]
fn what_cannot_follow_is_refused_and_harms_nothing() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[10])).unwrap();
    let before = content(&files, &segment::name(0));
    for offset in [0, 9, 11, u64::MAX] {
        let group = [record(10, 5), Record { offset, ..record(0, 1) }];
        let wanted = if offset == u64::MAX { None } else { Some(offset) };
        match writer.append(&group) {
            Err(Error::OutOfOrder { expected: 15, found }) => assert_eq!(Some(found), wanted),
            Err(Error::Invalid(_)) => assert_eq!(wanted, None),
            other => panic!("{other:?}"),
        }
    }
    let valid = record(10, 5);
    for invalid in [
        Record { payload: Bytes::new(), ..valid.clone() },
        Record { first_slot: 3, last_slot: 2, ..valid.clone() },
        Record { last_slot: record::MAX_SLOT + 1, ..valid.clone() },
        Record { payload: vec![0; record::MAX_PAYLOAD as usize + 1].into(), ..valid.clone() },
    ] {
        assert!(matches!(writer.append(&[invalid]), Err(Error::Invalid(_))));
    }
    assert_eq!(content(&files, &segment::name(0)), before);
    assert_eq!(writer.append(&[valid]).unwrap(), 15);
    assert_eq!(writer.append(&[]).unwrap(), 15);
}

#[test]
fn slots_and_numbers_at_their_limits() {
    let files = Simulated::new();
    let start = u64::MAX - 20;
    let mut writer = open_at(&files, start).unwrap().writer;
    let record = Record {
        clock_ms: u64::MAX,
        database: u16::MAX,
        first_slot: record::MAX_SLOT,
        last_slot: record::MAX_SLOT,
        ..record(start, 20)
    };
    assert_eq!(writer.append(std::slice::from_ref(&record)).unwrap(), u64::MAX);
    drop(writer);
    assert_eq!(open_at(&files, start).unwrap().end_offset, u64::MAX);
    assert_eq!(read_all(&files, start, u64::MAX).unwrap(), [record]);
}

#[test]
fn segments_rotate_by_size() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    // Exactly full, then one that is longer than any segment, then a small one.
    writer.append(&records(0, &[100, 180, 600, 1])).unwrap();
    let shapes: Vec<_> =
        writer.segments().iter().map(|segment| (segment.first_offset, segment.bytes)).collect();
    assert_eq!(shapes, [(0, 64 + 152 + 232), (280, 64 + 652), (880, 64 + 53)]);
    assert_eq!(writer.synced_offset(), 880, "finished segments are durable");
    let created: Vec<_> = writer.segments().iter().map(|segment| segment.created_ms).collect();
    let base = options().now_ms;
    assert_eq!(created, [base, base + 280, base + 880], "the clock of the first record");
    let facts = writer.facts();
    assert_eq!((facts.segments, facts.bytes), (3, 448 + 716 + 117));
    drop(writer);
    let recovered = open_at(&files, 0).unwrap();
    assert_eq!(recovered.writer.facts().bytes, facts.bytes);
    assert_eq!(recovered.segments, 3);
}

#[test]
fn a_group_is_one_write() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    let before = files.operations();
    writer.append(&records(0, &[10, 10, 10, 10])).unwrap();
    assert_eq!(files.operations() - before, 1);
    writer.append(&[]).unwrap();
    writer.sync().unwrap();
    assert_eq!(files.operations() - before, 3, "the sync and the mark");
    writer.sync().unwrap();
    assert_eq!(files.operations() - before, 3, "nothing to sync");
}

#[test]
fn any_failure_is_the_last() {
    let mut step = 1;
    loop {
        let files = Simulated::new();
        let mut writer = open_at(&files, 0).unwrap().writer;
        files.fail_at(files.operations() + step);
        let mut run = || -> Result<()> {
            writer.append(&records(0, &[200, 100, 300]))?;
            let synced = writer.sync_handle().sync()?;
            writer.synced(synced)?;
            writer.set_epoch(2, 0)?;
            let oldest = writer.segments()[..1].to_vec();
            writer.remove(&oldest)?.perform()?;
            writer.append(&records(600, &[10]))?;
            writer.sync().map(drop)
        };
        let Err(error) = run() else { break };
        assert!(matches!(error, Error::Io { .. }), "{step}: {error}");
        let poisoned = |result: Result<()>| matches!(result, Err(Error::Poisoned { cause }) if cause == error.to_string());
        assert!(poisoned(writer.append(&records(writer.written_offset(), &[1])).map(drop)));
        assert!(poisoned(writer.sync().map(drop)));
        assert!(poisoned(writer.synced(0)));
        assert!(poisoned(writer.set_epoch(9, 0)));
        assert!(poisoned(writer.remove(&[]).map(drop)));
        assert!(poisoned(writer.sync_handle().sync().map(drop)));
        assert!(poisoned(writer.close().map(drop)));
        step += 1;
    }
    assert!(step > 15, "{step}");
}

#[test]
fn syncs_elsewhere() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[10, 10])).unwrap();
    let handle = writer.sync_handle();
    writer.append(&records(20, &[10])).unwrap();
    assert_eq!((handle.end_offset(), writer.synced_offset()), (20, 0));
    let synced = std::thread::spawn(move || handle.sync().unwrap()).join().unwrap();
    writer.synced(synced).unwrap();
    assert_eq!(writer.synced_offset(), 20);
    let late = writer.sync_handle();
    writer.append(&records(30, &[400, 1])).unwrap();
    assert_eq!(writer.synced_offset(), 430, "the rotation did it");
    writer.synced(late.sync().unwrap()).unwrap();
    assert_eq!(writer.synced_offset(), 430, "an old one takes nothing back");
    assert_eq!(mark::Mark::read(&files, directory()).unwrap(), Some(430), "nor from the mark");
    assert!(matches!(writer.synced(432), Err(Error::Invalid(_))));
}

#[test]
fn epochs() {
    let files = Simulated::new();
    let mut writer = open_at(&files, 0).unwrap().writer;
    writer.append(&records(0, &[10])).unwrap();
    writer.set_epoch(1, 0).unwrap();
    assert_eq!(writer.segments().len(), 1);
    writer.set_epoch(4, 9).unwrap();
    writer.set_epoch(5, 9).unwrap();
    assert!(matches!(writer.set_epoch(4, 9), Err(Error::Invalid(_))));
    drop(writer);
    files.crash(crate::files::Loss::All);
    let mut writer = open_at(&files, 10).unwrap().writer;
    assert_eq!(writer.position().epoch, 5, "an epoch without records is kept");
    writer.append(&records(10, &[10])).unwrap();
    let epochs: Vec<_> =
        writer.segments().iter().map(|segment| (segment.first_offset, segment.epoch)).collect();
    assert_eq!(epochs, [(0, 1), (10, 5)]);
    let mut reader = Reader::open(arc(&files), directory(), 0, 20).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().header.epoch, 1);
    assert_eq!(reader.read().unwrap().unwrap().header.epoch, 5);
    assert!(verify(&files, directory()).is_ok());
}

#[test]
fn foreign_files_are_left_alone() {
    let files = Simulated::new();
    for name in ["binlog-1", "binlog-00000000000000000005.bak", "binlog-99999999999999999999", "LOCK"] {
        files.create(&path(name)).unwrap();
    }
    files.create(&path("binlog-00000000000000000005.tmp")).unwrap();
    let recovered = open_at(&files, 5).unwrap();
    assert_eq!(recovered.segments, 1);
    let names = files.list(directory()).unwrap();
    assert_eq!(names.len(), 4 + 2, "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with(".tmp")));
}

#[test]
fn on_the_real_disk() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("data").join("log");
    let files: Arc<dyn Files> = Arc::new(Real);
    let open = |at_least| open(Arc::clone(&files), &directory, at_least, options());
    let mut writer = open(0).unwrap().writer;
    let records = records(0, &[100, 200, 300, 5, 7]);
    for record in &records {
        writer.append(std::slice::from_ref(record)).unwrap();
        let synced = writer.sync_handle().sync().unwrap();
        writer.synced(synced).unwrap();
    }
    assert!(
        matches!(files.create(&directory.join(mark::NAME)), Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists)
    );
    let oldest = writer.segments()[..1].to_vec();
    let archived = scratch.path().join("archived");
    files.hard_link(&directory.join(oldest[0].name()), &archived).unwrap();
    assert_eq!(writer.remove(&oldest).unwrap().perform().unwrap(), oldest[0].bytes);
    assert_eq!(std::fs::metadata(&archived).unwrap().len(), oldest[0].bytes);
    let (end, kept) = (writer.close().unwrap(), oldest[0].end_offset);
    let last = directory.join(segment::name(segment::list(&*files, &directory).unwrap().pop().unwrap()));
    let mut tail = std::fs::OpenOptions::new().append(true).open(last).unwrap();
    std::io::Write::write_all(&mut tail, &[0; 99]).unwrap();
    let recovered = open(kept).unwrap();
    assert_eq!((recovered.end_offset, recovered.oldest_offset, recovered.cut_bytes), (end, kept, 99));
    let mut reader = Reader::open(Arc::clone(&files), &directory, kept, end).unwrap();
    for record in records.iter().filter(|record| record.offset >= kept) {
        assert_eq!(reader.read().unwrap().unwrap().to_record(), *record);
    }
    assert_eq!(verify(&*files, &directory).unwrap(), recovered.writer.position());
}
