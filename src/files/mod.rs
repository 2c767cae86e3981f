//! Files as the core sees them: a few synchronous operations, on the real disk or on a simulated one.
//!
//! What must survive a crash is stated by the caller, with the two operations that say so:
//! - [`File::sync_data`] makes the bytes (and the length) of one file durable, not its name;
//! - [`Files::sync_dir`] makes the names in one directory durable: creations, renames, removals.
//!
//! Whatever was not synced may survive a crash wholly, in part, or not at all, in any order. [`Simulated`]
//! does exactly this, so code tested on it for every crash point relies on nothing more.

mod real;
mod simulated;
#[cfg(test)]
mod tests;

pub use real::Real;
pub use simulated::{Loss, Simulated, Stop};

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A file system.
///
/// Methods take `&self` and may be called from several threads at once.
pub trait Files: Debug + Send + Sync {
    /// Creates an empty file and opens it for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Opens an existing file for reading and writing.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;

    /// Creates a directory and its missing parents, durably. One that exists is no error.
    fn create_dir_all(&self, directory: &Path) -> io::Result<()>;

    /// The names (not paths) of the files in a directory, sorted by their bytes. Names that are not UTF-8 are
    /// left out: none of ours are.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// Gives a file another name, in one step; a file that has that name loses it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a name. The file stays readable through handles that are open.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Gives a file a second name.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, directory: &Path) -> io::Result<()>;
}

/// An open file. Positions and lengths are in bytes.
///
/// Handles are shared (`Arc`): one thread may sync while another writes.
pub trait File: Debug + Send + Sync {
    /// Reads up to `buffer.len()` bytes at `position`; fewer (0 at the end) is no error.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `position`; the file grows as needed.
    ///
    /// # Errors
    /// After an error any part of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;

    /// The length.
    fn len(&self) -> io::Result<u64>;

    /// Whether the length is 0.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file to `length`, or extends it with zeros.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Returns once all bytes written before the call, and the length, are durable.
    ///
    /// # Errors
    /// After an error it is unknown which of them are, and asking again does not tell: stop.
    fn sync_data(&self) -> io::Result<()>;
}

/// Reads until `buffer` is full or the file ends; returns how many bytes were read.
///
/// # Errors
/// Those of [`File::read_at`]; an interrupted read is taken up again.
pub fn read_full(file: &dyn File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
