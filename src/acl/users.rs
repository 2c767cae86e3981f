//! All users together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rule::RuleError;
use super::{Channels, User};

/// The user that a client is before it logs in. There always is one of that name.
pub const DEFAULT: &[u8] = b"default";

/// All users, by name. A change makes a new value: see [`super::Access`].
#[derive(Debug, Clone)]
pub struct Users {
    by_name: BTreeMap<Vec<u8>, Arc<User>>,
    next_id: u64,
}

impl Default for Users {
    fn default() -> Users {
        Users::new()
    }
}

impl Users {
    /// Only `default`, who may do everything, without a password.
    pub fn new() -> Users {
        let default = Arc::new(User::unlimited(0));
        Users { by_name: BTreeMap::from([(DEFAULT.to_vec(), default)]), next_id: 1 }
    }

    /// A user.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.by_name.get(name)
    }

    /// The user that a client is before it logs in.
    pub fn default_user(&self) -> &Arc<User> {
        match self.by_name.get(DEFAULT) {
            Some(user) => user,
            None => unreachable!("default is never removed"),
        }
    }

    /// All, in the order of their names' bytes.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.by_name.values()
    }

    /// What a user is to be changed from: itself, or a new one of that name, which is not among the users yet.
    pub fn get_or_new(&mut self, name: &[u8], channels: Channels) -> User {
        match self.by_name.get(name) {
            Some(user) => User::clone(user),
            None => {
                self.next_id += 1;
                User::new(self.next_id - 1, name, channels)
            }
        }
    }

    /// Adds a user, or replaces the one of its name.
    pub fn put(&mut self, user: User) {
        self.by_name.insert(user.name.clone(), Arc::new(user));
    }

    /// Removes a user, if there is one of that name, and if it is not `default`.
    pub fn remove(&mut self, name: &[u8]) -> Option<Arc<User>> {
        if name == DEFAULT { None } else { self.by_name.remove(name) }
    }

    /// Replaces all users. `default` stays who it is, with other rights; all others are others than before, even if their
    /// names are the same: as in Redis, their clients have to log in again.
    pub fn replace(&mut self, others: Users) {
        let default_id = self.default_user().id;
        let mut by_name = BTreeMap::new();
        for (name, user) in others.by_name {
            let id = if name == DEFAULT { default_id } else { self.next_id };
            self.next_id += 1;
            by_name.insert(name, Arc::new(User { id, ..User::clone(&user) }));
        }
        self.by_name = by_name;
    }

    /// The user of a name and password, if they are right.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<&Arc<User>> {
        self.get(name).filter(|user| user.accepts(password))
    }

    /// `requirepass`: `default` has this password and no other; with an empty one, none is needed.
    pub fn require_password(&mut self, password: &[u8]) {
        let mut user = User::clone(self.default_user());
        let rule = if password.is_empty() { b"nopass".to_vec() } else { [b">", password].concat() };
        for rule in [b"resetpass", rule.as_slice()] {
            let applied = user.apply(rule, Channels::None);
            debug_assert_eq!(applied, Ok(()), "these are rules");
        }
        self.put(user);
    }

    /// ACL SETUSER: applies rules to a user, whom it makes if need be; all of them or none.
    ///
    /// # Errors
    /// The rule that is wrong, and why.
    pub fn change<'a>(
        &mut self,
        name: &[u8],
        rules: impl Iterator<Item = &'a [u8]>,
        channels: Channels,
    ) -> Result<(), (Vec<u8>, RuleError)> {
        let user = self.get_or_new(name, channels).apply_all(rules, channels)?;
        self.put(user);
        Ok(())
    }
}
