//! What the simulated disk keeps and loses.

use super::*;

fn at(name: &str) -> std::path::PathBuf {
    Path::new("/d").join(name)
}

fn content(disk: &Simulated, name: &str) -> Vec<u8> {
    let file = disk.open(&at(name)).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    assert_eq!(read_full(&*file, &mut bytes, 0).unwrap(), bytes.len());
    bytes
}

/// A disk with one durable file of 2000 bytes, and 3000 more that are not synced.
fn half_synced() -> Simulated {
    let disk = Simulated::new();
    let file = disk.create(&at("a")).unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    file.write_at(&[1; 2000], 0).unwrap();
    file.sync_data().unwrap();
    file.write_at(&[2; 3000], 2000).unwrap();
    disk
}

#[test]
fn synced_bytes_survive_every_loss() {
    let mut lengths = std::collections::BTreeSet::new();
    let mut holes = 0;
    for seed in 0..200 {
        for loss in [Loss::All, Loss::None, Loss::Prefix { seed }, Loss::Scattered { seed }] {
            let disk = half_synced();
            disk.crash(loss);
            let bytes = content(&disk, "a");
            assert_eq!(bytes[..2000], [1; 2000]);
            match loss {
                Loss::All => assert_eq!(bytes.len(), 2000),
                Loss::None => assert_eq!(bytes[2000..], [2; 3000]),
                Loss::Prefix { .. } => {
                    assert!(bytes[2000..].iter().all(|byte| *byte == 2));
                    lengths.insert(bytes.len());
                }
                Loss::Scattered { .. } => holes += usize::from(bytes[2000..].contains(&0)),
            }
        }
    }
    assert!(lengths.len() > 50 && holes > 50, "torn in many places: {} {holes}", lengths.len());
}

#[test]
fn names_survive_when_their_directory_is_synced() {
    let disk = Simulated::new();
    let file = disk.create(&at("a.tmp")).unwrap();
    file.write_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    disk.rename(&at("a.tmp"), &at("a")).unwrap();
    let lost = disk.clone();
    assert_eq!(lost.list(Path::new("/d")).unwrap(), ["a"]);
    disk.sync_dir(Path::new("/d")).unwrap();
    disk.hard_link(&at("a"), &at("b")).unwrap();
    disk.remove(&at("a")).unwrap();
    disk.crash(Loss::All);
    assert_eq!(disk.list(Path::new("/d")).unwrap(), ["a"], "neither the link nor the removal was synced");
    assert_eq!(content(&disk, "a"), b"x");
    assert!(file.read_at(&mut [0], 0).is_err(), "a handle does not outlive the crash");
}

#[test]
fn stops_and_failures() {
    for (stop, effect) in [(Stop::Before, 0), (Stop::After, 1)] {
        let disk = Simulated::new();
        let file = disk.create(&at("a")).unwrap();
        disk.stop_at(2, stop);
        assert!(file.write_at(b"x", 0).is_err());
        assert!(file.write_at(b"y", 1).is_err());
        assert_eq!(file.len().unwrap(), effect);
        assert_eq!(disk.operations(), 3);
    }
    let disk = Simulated::new();
    let file = disk.create(&at("a")).unwrap();
    disk.fail_at(2);
    assert!(file.write_at(b"x", 0).is_err());
    file.write_at(b"y", 0).unwrap();
    assert_eq!(content(&disk, "a"), b"y");
}

#[test]
fn a_lying_disk_loses_what_was_synced() {
    let disk = Simulated::new();
    disk.ignore_sync(true);
    let file = disk.create(&at("a")).unwrap();
    file.write_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    disk.crash(Loss::All);
    assert!(disk.list(Path::new("/d")).unwrap().is_empty());
}

/// The same calls on both disks give the same results.
#[test]
fn the_real_disk_and_the_simulated_one_agree() {
    let scratch = tempfile::tempdir().unwrap();
    let run = |files: &dyn Files, directory: &Path| {
        let kind = |error: std::io::Error| error.kind();
        let (a, b) = (directory.join("a"), directory.join("b"));
        files.create_dir_all(directory).unwrap();
        let file = files.create(&a).unwrap();
        file.write_at(b"hello", 3).unwrap();
        file.truncate(6).unwrap();
        file.sync_data().unwrap();
        let mut bytes = [9; 10];
        let count = read_full(&*file, &mut bytes, 1).unwrap();
        let errors = [
            files.create(&a).map(drop).map_err(kind),
            files.open(&b).map(drop).map_err(kind),
            files.remove(&b).map_err(kind),
            files.hard_link(&a, &a).map_err(kind),
        ];
        files.hard_link(&a, &b).unwrap();
        files.remove(&a).unwrap();
        files.rename(&b, &a).unwrap();
        files.sync_dir(directory).unwrap();
        let beyond = file.read_at(&mut bytes, 100).unwrap();
        (count, bytes, errors, beyond, file.is_empty().unwrap(), files.list(directory).unwrap())
    };
    let simulated = run(&Simulated::new(), Path::new("/d"));
    assert_eq!(run(&Real, &scratch.path().join("x/y")), simulated);
    assert_eq!((simulated.0, &simulated.1), (5, &[0, 0, b'h', b'e', b'l', 9, 9, 9, 9, 9]));
}
