//! A disk in memory that can stop at any operation and lose what was not synced.

use super::{File, Files};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Data is lost or kept in units of this many bytes by [`Loss::Scattered`]: a disk's sector.
const SECTOR: usize = 512;

/// What a crash does to the changes that were not synced. Synced ones always survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of them are lost.
    All,
    /// None is lost: the machine had written all of it out.
    None,
    /// For each file, and for the names, a random number of changes survives, from the oldest on; of the
    /// first one that does not, a random part, cut at any byte.
    Prefix {
        /// The same seed gives the same loss.
        seed: u64,
    },
    /// Each sector of each write, and each change of a name, survives or not at random; a lost sector below
    /// one that survived reads as what was there before, or as zeros.
    Scattered {
        /// The same seed gives the same loss.
        seed: u64,
    },
}

/// What becomes of the operation at which the disk stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It has no effect.
    Before,
    /// It has its effect, but the caller is told that it failed.
    After,
}

/// The simulated disk. Clones are the same disk.
///
/// It keeps two images of each file and of the names: `live`, what a reader sees, and `durable`, what a crash
/// cannot take. Operations that change something (create, write, truncate, sync, rename, remove, link) are
/// counted from 1, so that a test can run a script once to count them, and then again for each one at which
/// to stop. Directories exist as soon as a file is in them.
#[derive(Clone, Debug, Default)]
pub struct Simulated {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Each element is one change that happens as a whole: a rename sets two names.
    renamings: Vec<Vec<(PathBuf, Option<usize>)>>,
    operations: u64,
    stop: Option<(u64, Stop)>,
    fail: Option<u64>,
    ignore_sync: bool,
    /// How many crashes there have been; a handle from before the last one is dead.
    crashes: u64,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Change::Write(position, bytes) => {
                let end = position + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*position..end].copy_from_slice(bytes);
            }
            Change::Truncate(length) => image.resize(*length, 0),
        }
    }

    /// A part of the change, as if the power failed during it.
    fn torn(&self, random: &mut fastrand::Rng) -> Option<Change> {
        match self {
            Change::Write(position, bytes) => {
                Some(Change::Write(*position, bytes[..random.usize(..=bytes.len())].to_vec()))
            }
            Change::Truncate(_) => None,
        }
    }

    /// The sectors of the change that reached the disk.
    fn scattered(&self, random: &mut fastrand::Rng) -> Vec<Change> {
        let Change::Write(position, bytes) = self else {
            return if random.bool() { vec![self.clone()] } else { Vec::new() };
        };
        let mut kept = Vec::new();
        let mut from = 0;
        while from < bytes.len() {
            let to = bytes.len().min(from + SECTOR - (position + from) % SECTOR);
            if random.bool() {
                kept.push(Change::Write(position + from, bytes[from..to].to_vec()));
            }
            from = to;
        }
        kept
    }
}

impl Inode {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.changes.push(change);
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.live);
        self.changes.clear();
    }

    fn crash(&mut self, loss: Loss, random: &mut fastrand::Rng) {
        let mut image = std::mem::take(&mut self.durable);
        let changes = std::mem::take(&mut self.changes);
        match loss {
            Loss::All => {}
            Loss::None => changes.iter().for_each(|change| change.apply(&mut image)),
            Loss::Prefix { .. } => {
                let kept = random.usize(..=changes.len());
                changes.iter().take(kept).for_each(|change| change.apply(&mut image));
                if let Some(torn) = changes.get(kept).and_then(|change| change.torn(random)) {
                    torn.apply(&mut image);
                }
            }
            Loss::Scattered { .. } => {
                for change in changes.iter().flat_map(|change| change.scattered(random)) {
                    change.apply(&mut image);
                }
            }
        }
        self.live.clone_from(&image);
        self.durable = image;
    }
}

impl Disk {
    /// Counts an operation, and says whether it takes effect and what the caller is told.
    fn begin(&mut self) -> (bool, io::Result<()>) {
        self.operations += 1;
        if self.fail == Some(self.operations) {
            return (false, Err(io::Error::other("simulated failure")));
        }
        match self.stop {
            Some((at, stop)) if self.operations >= at => {
                let effect = self.operations == at && stop == Stop::After;
                (effect, Err(io::Error::other("simulated disk has stopped")))
            }
            _ => (true, Ok(())),
        }
    }

    fn set_names(&mut self, change: Vec<(PathBuf, Option<usize>)>) {
        apply_names(&change, &mut self.names);
        self.renamings.push(change);
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn crash(&mut self, loss: Loss) {
        let mut random = fastrand::Rng::with_seed(match loss {
            Loss::Prefix { seed } | Loss::Scattered { seed } => seed,
            Loss::All | Loss::None => 0,
        });
        for file in &mut self.files {
            file.crash(loss, &mut random);
        }
        let changes = std::mem::take(&mut self.renamings);
        let kept = random.usize(..=changes.len());
        for (index, change) in changes.iter().enumerate() {
            let survives = match loss {
                Loss::All => false,
                Loss::None => true,
                Loss::Prefix { .. } => index < kept,
                Loss::Scattered { .. } => random.bool(),
            };
            if survives {
                apply_names(change, &mut self.durable_names);
            }
        }
        self.names.clone_from(&self.durable_names);
        (self.stop, self.fail) = (None, None);
        self.crashes += 1;
    }
}

fn apply_names(change: &[(PathBuf, Option<usize>)], names: &mut BTreeMap<PathBuf, usize>) {
    for (path, file) in change {
        match file {
            Some(file) => names.insert(path.clone(), *file),
            None => names.remove(path),
        };
    }
}

impl Simulated {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Simulated {
        Simulated::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk with the same content, all of it durable, and with no faults set.
    #[must_use]
    pub fn copy(&self) -> Simulated {
        let mut disk = self.disk().clone();
        disk.crash(Loss::None);
        disk.ignore_sync = false;
        disk.operations = 0;
        Simulated { disk: Arc::new(Mutex::new(disk)) }
    }

    /// How many operations there have been since the disk was made.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.disk().operations
    }

    /// From operation `at` on (the first of all is 1), every operation fails.
    pub fn stop_at(&self, at: u64, stop: Stop) {
        self.disk().stop = Some((at, stop));
    }

    /// Operation `at` (the first of all is 1) fails without effect; those after it work.
    pub fn fail_at(&self, at: u64) {
        self.disk().fail = Some(at);
    }

    /// Lets syncs of files and directories report success and do nothing, like a disk that lies.
    pub fn ignore_sync(&self, ignore: bool) {
        self.disk().ignore_sync = ignore;
    }

    /// Takes the power: unsynced changes are lost as `loss` says, open handles die, and faults are unset.
    pub fn crash(&self, loss: Loss) {
        self.disk().crash(loss);
    }

    /// Ends the process, not the machine: open handles die and faults are unset, but what was not synced is
    /// still there, and still not durable.
    pub fn kill(&self) {
        let mut disk = self.disk();
        (disk.stop, disk.fail) = (None, None);
        disk.crashes += 1;
    }

    fn operate<T>(&self, effect: impl FnOnce(&mut Disk) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk();
        match disk.begin() {
            (true, told) => effect(&mut disk).and_then(|value| told.map(|()| value)),
            (false, Err(error)) => Err(error),
            (false, Ok(())) => Err(io::Error::other("simulated failure")),
        }
    }

    fn handle(&self, disk: &Disk, index: usize) -> Arc<dyn File> {
        Arc::new(Handle { disk: self.clone(), index, crashes: disk.crashes })
    }
}

impl Files for Simulated {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.operate(|disk| {
            if disk.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            disk.files.push(Inode::default());
            let index = disk.files.len() - 1;
            disk.set_names(vec![(path.to_owned(), Some(index))]);
            Ok(self.handle(disk, index))
        })
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let disk = self.disk();
        let index = disk.find(path)?;
        Ok(self.handle(&disk, index))
    }

    fn create_dir_all(&self, _directory: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let disk = self.disk();
        let inside = disk.names.keys().filter(|path| path.parent() == Some(directory));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(|disk| {
            let index = disk.find(from)?;
            disk.set_names(vec![(from.to_owned(), None), (to.to_owned(), Some(index))]);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operate(|disk| {
            disk.find(path)?;
            disk.set_names(vec![(path.to_owned(), None)]);
            Ok(())
        })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate(|disk| {
            let index = disk.find(from)?;
            if disk.names.contains_key(to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            disk.set_names(vec![(to.to_owned(), Some(index))]);
            Ok(())
        })
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        self.operate(|disk| {
            if disk.ignore_sync {
                return Ok(());
            }
            for change in std::mem::take(&mut disk.renamings) {
                if change.iter().any(|(path, _)| path.parent() == Some(directory)) {
                    apply_names(&change, &mut disk.durable_names);
                } else {
                    disk.renamings.push(change);
                }
            }
            Ok(())
        })
    }
}

#[derive(Debug)]
struct Handle {
    disk: Simulated,
    index: usize,
    crashes: u64,
}

impl Handle {
    fn inode<'a>(&self, disk: &'a mut Disk) -> io::Result<&'a mut Inode> {
        let dead = disk.crashes != self.crashes;
        let inode = disk.files.get_mut(self.index).filter(|_| !dead);
        inode.ok_or_else(|| io::Error::other("the handle is from before the crash"))
    }
}

impl File for Handle {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut disk = self.disk.disk();
        let inode = self.inode(&mut disk)?;
        let rest = usize::try_from(position).ok().and_then(|from| inode.live.get(from..)).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.disk.operate(|disk| {
            let position = usize::try_from(position).map_err(io::Error::other)?;
            self.inode(disk)?.change(Change::Write(position, bytes.to_vec()));
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.inode(&mut self.disk.disk())?.live.len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.operate(|disk| {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            self.inode(disk)?.change(Change::Truncate(length));
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.operate(|disk| {
            let ignore = disk.ignore_sync;
            let inode = self.inode(disk)?;
            if !ignore {
                inode.sync();
            }
            Ok(())
        })
    }
}
