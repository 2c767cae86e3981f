//! The same on RocksDB, with a block cache that holds next to nothing.

use std::path::Path;

use super::{Below, many};
use crate::engine::Engine;
use crate::engine::rocks::{RocksEngine, RocksOptions};

struct OnDisk {
    folder: tempfile::TempDir,
    /// How often it was opened: each time in a folder of its own.
    opened: u32,
    store: RocksEngine,
}

fn open(folder: &Path) -> RocksEngine {
    let options =
        RocksOptions { cache_bytes: 16 << 10, write_buffer_bytes: 1 << 20, ..RocksOptions::default() };
    RocksEngine::open(folder, options).expect("it opens")
}

/// Copies the files that a store has at this moment, as a killed process leaves them. Tables never change, so links
/// do; what is appended to is copied.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        let name = name.to_string_lossy();
        if name.ends_with(".sst") {
            std::fs::hard_link(entry.path(), target)?;
        } else if name == "CURRENT" || name.starts_with("MANIFEST") {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

impl Below for OnDisk {
    type Store = RocksEngine;

    fn new() -> OnDisk {
        // What is synced is not what is tried here, so a disk in memory will do, if there is one.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
            .expect("a folder");
        let store = open(&folder.path().join("0"));
        OnDisk { folder, opened: 0, store }
    }

    fn store(&self) -> RocksEngine {
        self.store.clone()
    }

    fn flush(&mut self) {
        self.store.flush(true).expect("it flushes");
    }

    fn crash(&mut self) -> RocksEngine {
        // Nothing changes the files while they are copied.
        self.store.close();
        let path = |number: u32| self.folder.path().join(number.to_string());
        copy(&path(self.opened), &path(self.opened + 1)).expect("files can be copied");
        self.opened += 1;
        self.store = open(&path(self.opened));
        self.store()
    }

    /// The cache is small: what was flushed is cold of itself.
    fn make_cold(&self, _cold: bool) {}
}

#[test]
fn rocksdb_does_what_the_model_does() {
    many::<OnDisk>(8, 350);
}
