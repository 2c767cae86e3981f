//! The users where all threads find them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Log, Users};

/// All users as they are now, and the log of what was refused.
///
/// Who keeps a user keeps the generation with it, and asks again when it has changed: a look at a number that hardly ever
/// does, instead of a lock for each command.
#[derive(Debug, Default)]
pub struct Access {
    users: RwLock<Arc<Users>>,
    generation: AtomicU64,
    log: Mutex<Log>,
}

impl Access {
    /// With these users.
    pub fn new(users: Users) -> Access {
        Access { users: RwLock::new(Arc::new(users)), ..Access::default() }
    }

    /// All users.
    pub fn users(&self) -> Arc<Users> {
        self.users.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Grows with each change. Read it before [`Access::users`], so that no change is missed.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Changes the users. On an error nothing has changed.
    ///
    /// # Errors
    /// That of `change`.
    pub fn change<T, E>(&self, change: impl FnOnce(&mut Users) -> Result<T, E>) -> Result<T, E> {
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Users::clone(&users);
        let result = change(&mut next)?;
        *users = Arc::new(next);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(result)
    }

    /// ACL LOG. Held only as long as it takes to read or to add an entry.
    pub fn log(&self) -> &Mutex<Log> {
        &self.log
    }
}
