//! Scripts by the digest of their text, shared by all threads; each thread has them compiled for itself.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha1::{Digest as _, Sha1};

/// Forty hexadecimal digits in lower case.
pub type Digest = [u8; 40];

/// How many scripts are kept that came with EVAL only; the oldest makes room. Those of SCRIPT LOAD stay.
const EVALUATED: usize = 500;

/// The digest of a script's text.
pub fn digest(text: &[u8]) -> Digest {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [0; 40];
    for (pair, byte) in out.chunks_exact_mut(2).zip(Sha1::digest(text)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

/// A word as a digest, in any case.
pub fn parse_digest(word: &[u8]) -> Option<Digest> {
    let mut digest: Digest = word.try_into().ok()?;
    digest.make_ascii_lowercase();
    Some(digest)
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Cache {
    scripts: Mutex<Scripts>,
    /// Grows when all are forgotten: threads forget what they compiled.
    epoch: AtomicU64,
}

#[derive(Debug, Default)]
struct Scripts {
    texts: HashMap<Digest, Stored, ahash::RandomState>,
    /// Those that came with EVAL, in that order.
    evaluated: VecDeque<Digest>,
    bytes: usize,
}

#[derive(Debug)]
struct Stored {
    text: Arc<[u8]>,
    loaded: bool,
}

impl Cache {
    fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Grows with each [`Cache::flush`].
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The text of a script.
    pub fn get(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.scripts().texts.get(digest).map(|stored| stored.text.clone())
    }

    /// Keeps a script that compiled; `loaded` for good (SCRIPT LOAD), else until newer ones need its place.
    pub fn put(&self, digest: Digest, text: &Arc<[u8]>, loaded: bool) {
        let mut scripts = self.scripts();
        let Scripts { texts, evaluated, bytes } = &mut *scripts;
        if let Some(stored) = texts.get_mut(&digest) {
            if loaded && !std::mem::replace(&mut stored.loaded, true) {
                evaluated.retain(|other| *other != digest);
            }
            return;
        }
        *bytes += text.len();
        texts.insert(digest, Stored { text: text.clone(), loaded });
        if !loaded {
            evaluated.push_back(digest);
            if evaluated.len() > EVALUATED
                && let Some(oldest) = evaluated.pop_front()
                && let Some(gone) = texts.remove(&oldest)
            {
                *bytes -= gone.text.len();
            }
        }
    }

    /// Forgets all scripts.
    pub fn flush(&self) {
        *self.scripts() = Scripts::default();
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// How many scripts there are, and their bytes.
    pub fn size(&self) -> (usize, usize) {
        let scripts = self.scripts();
        (scripts.texts.len(), scripts.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sha1_in_hexadecimal() {
        assert_eq!(&digest(b""), b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(parse_digest(&digest(b"x").to_ascii_uppercase()), Some(digest(b"x")));
        assert_eq!(parse_digest(b"abc"), None);
    }

    #[test]
    fn scripts_of_eval_make_room_for_newer_ones_and_loaded_ones_stay() {
        let cache = Cache::default();
        let put = |n: usize, loaded| {
            let text: Arc<[u8]> = format!("return {n}").into_bytes().into();
            let digest = digest(&text);
            cache.put(digest, &text, loaded);
            digest
        };
        let (first, second) = (put(0, false), put(1, false));
        put(1, true);
        for n in 2..2 + EVALUATED {
            put(n, false);
        }
        assert_eq!(cache.get(&first), None);
        assert_eq!(cache.get(&second).as_deref(), Some(&b"return 1"[..]));
        assert_eq!(cache.size().0, EVALUATED + 1);
        cache.flush();
        assert_eq!((cache.size(), cache.epoch()), ((0, 0), 1));
    }
}
