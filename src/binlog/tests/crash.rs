//! The disk stops at every operation of a script, and loses what it may. Whatever was promised is there
//! afterwards.

use super::retention::{Pin, Policy, retain};
use super::*;
use crate::files::{Loss, Stop};

/// What the script was promised, and what it asked for.
#[derive(Default)]
struct Book {
    submitted: Vec<Record>,
    /// Acknowledged as durable.
    synced: u64,
    /// What the data on disk has reached: always what was synced, as the write-behind has it.
    applied: u64,
}

impl Book {
    fn next(&self) -> u64 {
        self.submitted.last().map_or(0, Record::end_offset)
    }

    fn append(&mut self, writer: &mut Writer, lengths: &[usize]) -> Result<()> {
        let group = records(self.next(), lengths);
        self.submitted.extend_from_slice(&group);
        writer.append(&group)?;
        // A rotation syncs as well.
        self.synced = self.synced.max(writer.synced_offset());
        Ok(())
    }

    fn sync(&mut self, writer: &mut Writer) -> Result<()> {
        self.synced = self.synced.max(writer.sync()?);
        Ok(())
    }
}

/// Appends, syncs on either thread, rotations, an epoch, retention, and a clean end.
fn script(files: &Simulated, book: &mut Book) -> Result<()> {
    let mut writer = open_at(files, 0)?.writer;
    for round in 0..4 {
        book.append(&mut writer, &[10, 70, 3])?;
        book.append(&mut writer, &[41])?;
        book.sync(&mut writer)?;
        book.append(&mut writer, &[30, 5])?;
        let handle = writer.sync_handle();
        book.append(&mut writer, &[600 - 190 * round])?;
        let synced = handle.sync()?;
        writer.synced(synced)?;
        book.synced = book.synced.max(synced);
        book.append(&mut writer, &[25, 9, 12])?;
        book.applied = book.synced;
        let policy = Policy { max_bytes: Some(900), ..Policy::default() };
        let pin =
            Pin { name: "slave".to_owned(), offset: book.applied - 20, max_bytes: None, until_ms: None };
        let plan = retain(writer.segments(), &policy, book.applied, &[pin]);
        let removal = writer.remove(&plan.remove)?;
        book.append(&mut writer, &[3])?;
        removal.perform()?;
        if round == 1 {
            writer.set_epoch(2, 5)?;
            writer.set_epoch(3, 5)?;
        }
    }
    book.append(&mut writer, &[8])?;
    book.synced = book.synced.max(writer.close()?);
    Ok(())
}

/// What must hold after a crash; the text says what does not.
fn check(files: &Simulated, book: &Book) -> std::result::Result<(), String> {
    let text = |error: Error| error.to_string();
    let recovered = open_at(files, book.applied).map_err(text)?;
    let (from, to) = (recovered.oldest_offset, recovered.end_offset);
    if to < book.synced {
        return Err(format!("synced up to {}, and the log ends at {to}", book.synced));
    }
    let within = |record: &&Record| record.offset >= from && record.offset < to;
    let wanted: Vec<_> = book.submitted.iter().filter(within).cloned().collect();
    if read_all(files, from, to).map_err(text)? != wanted {
        return Err("the log is no part of what was appended".to_owned());
    }
    let mut writer = recovered.writer;
    let more = records(to, &[100, 200, 300, 7]);
    writer.append(&more).map_err(text)?;
    let end = writer.sync().map_err(text)?;
    drop(writer);
    files.crash(Loss::All);
    if verify(files, directory()).map_err(text)?.offset != end {
        return Err("what was appended after the crash is not all there".to_owned());
    }
    if read_all(files, to, end).map_err(text)? != more {
        return Err("what was appended after the crash is not the same".to_owned());
    }
    let recovered = open_at(files, end).map_err(text)?;
    if recovered.cut_bytes != 0 { Err("something was cut after a sync".to_owned()) } else { Ok(()) }
}

fn losses(seeds: u64) -> Vec<Loss> {
    let seeded = |seed| [Loss::Prefix { seed }, Loss::Scattered { seed }];
    [Loss::All, Loss::None].into_iter().chain((0..seeds).flat_map(seeded)).collect()
}

/// How many operations the whole script takes.
fn operations() -> u64 {
    let files = Simulated::new();
    script(&files, &mut Book::default()).unwrap();
    files.operations()
}

/// Runs the script up to one operation and takes the power.
fn crashed(at: u64, stop: Stop, loss: Loss, lying: bool) -> (Simulated, Book) {
    let (files, mut book) = (Simulated::new(), Book::default());
    files.ignore_sync(lying);
    files.stop_at(at, stop);
    let result = script(&files, &mut book);
    assert!(matches!(result, Err(Error::Io { .. })), "the script met the stop at {at}");
    files.crash(loss);
    files.ignore_sync(false);
    (files, book)
}

#[test]
fn every_operation_and_every_loss() {
    let (mut cut, mut whole) = (0, 0);
    let operations = operations();
    assert!(operations > 100, "{operations}");
    for at in 1..=operations {
        for stop in [Stop::Before, Stop::After] {
            for loss in losses(6) {
                let (files, book) = crashed(at, stop, loss, false);
                let cut_bytes =
                    open_at(&files.copy(), book.applied).map_or(0, |recovered| recovered.cut_bytes);
                *if cut_bytes > 0 { &mut cut } else { &mut whole } += 1;
                check(&files, &book).unwrap_or_else(|what| panic!("{at} {stop:?} {loss:?}: {what}"));
            }
        }
    }
    assert!(cut > 100 && whole > 100, "both kinds of crash were met: {cut} {whole}");
}

#[test]
fn a_crash_during_recovery() {
    for at in (1..=operations()).step_by(3) {
        for loss in losses(3) {
            let (files, book) = crashed(at, Stop::After, loss, false);
            let mut step = 1;
            loop {
                let files = files.copy();
                files.stop_at(step, Stop::After);
                let result = open_at(&files, book.applied);
                if result.is_ok() && files.operations() < step {
                    break;
                }
                files.crash(loss);
                check(&files, &book).unwrap_or_else(|what| panic!("{at} {loss:?}, then {step}: {what}"));
                step += 1;
            }
            assert!(step > 3);
        }
    }
}

/// A kill of the process alone loses nothing that was appended.
#[test]
fn a_kill_loses_nothing_that_was_written() {
    for at in 1..=operations() {
        let (files, mut book) = crashed(at, Stop::Before, Loss::None, false);
        let stopped_in_append = files.copy();
        let end = open_at(&stopped_in_append, book.applied).unwrap().end_offset;
        // At most the group that the disk refused is missing.
        book.submitted.retain(|record| record.end_offset() <= end);
        assert_eq!(book.next(), end);
        assert!(end >= book.synced);
        check(&files, &book).unwrap();
    }
}

/// What recovery has seen after a kill is durable from then on, though it was not before.
#[test]
fn a_kill_and_then_a_power_failure() {
    for at in 1..=operations() {
        for (stop, loss) in
            [Stop::Before, Stop::After].into_iter().flat_map(|s| losses(2).into_iter().map(move |l| (s, l)))
        {
            let (files, mut book) = (Simulated::new(), Book::default());
            files.stop_at(at, stop);
            script(&files, &mut book).unwrap_err();
            files.kill();
            book.synced = open_at(&files, book.applied).unwrap().end_offset;
            files.crash(loss);
            check(&files, &book).unwrap_or_else(|what| panic!("{at} {stop:?} {loss:?}: {what}"));
        }
    }
}

/// The canary: were a sync left out, the checks above would say so.
#[test]
fn a_writer_without_syncs_is_caught() {
    let operations = operations();
    for loss in losses(6) {
        let caught = (1..=operations).filter(|at| {
            let (files, book) = crashed(*at, Stop::After, loss, true);
            check(&files, &book).is_err()
        });
        let caught = caught.count();
        assert_eq!(caught > 0, loss != Loss::None, "{loss:?}: {caught} of {operations}");
    }
}

/// A single sync that is left out is caught too, be it of a group, of a finished segment, or of a new name.
#[test]
fn one_sync_left_out_is_caught() {
    for round in 0..20 {
        let caught = losses(6).into_iter().filter(|loss| {
            let (files, mut book) = (Simulated::new(), Book::default());
            let mut writer = open_at(&files, 0).unwrap().writer;
            for now in 0..=round {
                files.ignore_sync(now == round);
                book.append(&mut writer, &[30, 40, 50]).unwrap();
                book.sync(&mut writer).unwrap();
            }
            files.crash(*loss);
            files.ignore_sync(false);
            check(&files, &book).is_err()
        });
        assert!(caught.count() > 0, "round {round}");
    }
}
