//! One user.

use super::rule::RuleError;
use super::selector::{self, Selector};
use super::{Channels, Password, join_selectors};
use crate::pubsub::Kind;

/// What a user's rules say of `sanitize-dump-payload`. It is kept and shown; RESTORE looks closely anyway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sanitize {
    /// Nothing.
    #[default]
    Unsaid,
    /// Payloads are looked at.
    Yes,
    /// They need not be.
    Skip,
}

/// Who a client can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Tells users of the same name apart, one of which was removed before the other was made.
    pub id: u64,
    /// Any bytes but blanks and NUL.
    pub name: Vec<u8>,
    /// Whether anyone may log in as this user.
    pub enabled: bool,
    /// Whether any password is right.
    pub nopass: bool,
    /// Those that are right.
    pub passwords: Vec<Password>,
    /// See [`Sanitize`].
    pub sanitize: Sanitize,
    /// What it may do. The first one is changed by rules that stand by themselves; the others are in parentheses.
    pub selectors: Vec<Selector>,
}

impl User {
    /// A user as SETUSER makes one: without rights, and nobody can log in.
    pub(super) fn new(id: u64, name: &[u8], channels: Channels) -> User {
        User {
            id,
            name: name.to_vec(),
            enabled: false,
            nopass: false,
            passwords: Vec::new(),
            sanitize: Sanitize::Unsaid,
            selectors: vec![Selector::new(channels)],
        }
    }

    /// The user `default` as it is before anything is said of it: it may do everything, without a password.
    pub fn unlimited(id: u64) -> User {
        let mut user = User::new(id, super::DEFAULT, Channels::None);
        for rule in ["+@all", "~*", "&*", "on", "nopass"] {
            let applied = user.apply(rule.as_bytes(), Channels::None);
            debug_assert!(applied.is_ok(), "these rules are right");
        }
        user
    }

    /// Whether it may do everything: then nothing needs to be checked.
    pub fn is_unlimited(&self) -> bool {
        self.selectors.iter().any(Selector::allows_everything)
    }

    /// Whether everyone is this user without saying anything.
    pub fn lets_everyone_in(&self) -> bool {
        self.enabled && self.nopass
    }

    /// Whether a password lets one in.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let given = Password::of(password);
        // All are compared, whichever is right.
        let known = self.passwords.iter().fold(false, |found, known| known.is(&given) | found);
        self.enabled && (self.nopass || known)
    }

    /// Applies rules, all of them or none. Selectors may come as several words.
    ///
    /// # Errors
    /// The rule that is wrong, and why.
    pub fn apply_all<'a>(
        &self,
        rules: impl Iterator<Item = &'a [u8]>,
        channels: Channels,
    ) -> Result<User, (Vec<u8>, RuleError)> {
        let words: Vec<&[u8]> = rules.collect();
        let joined = join_selectors(words.iter().copied())
            .map_err(|number| (words[number].to_vec(), RuleError::Unmatched))?;
        let mut next = self.clone();
        for rule in joined {
            next.apply(&rule, channels).map_err(|error| (rule, error))?;
        }
        Ok(next)
    }

    /// Applies one rule. `channels` is what a new selector, and one that is reset, begins with.
    ///
    /// # Errors
    /// Why it is none; nothing has changed then.
    pub fn apply(&mut self, rule: &[u8], channels: Channels) -> Result<(), RuleError> {
        let is = |name: &str| rule.eq_ignore_ascii_case(name.as_bytes());
        match rule {
            [] => {}
            _ if is("on") => self.enabled = true,
            _ if is("off") => self.enabled = false,
            _ if is("nopass") => self.set_passwords(true),
            _ if is("resetpass") => self.set_passwords(false),
            _ if is("sanitize-payload") => self.sanitize = Sanitize::Yes,
            _ if is("skip-sanitize-payload") => self.sanitize = Sanitize::Skip,
            _ if is("clearselectors") => self.selectors.truncate(1),
            _ if is("reset") => {
                self.enabled = false;
                self.set_passwords(false);
                self.sanitize = Sanitize::Yes;
                self.selectors = vec![Selector::new(channels)];
            }
            [b'>', clear @ ..] => self.add_password(Password::of(clear)),
            [b'#', hash @ ..] => self.add_password(Password::from_hex(hash).ok_or(RuleError::BadHash)?),
            [b'<', clear @ ..] => self.remove_password(Password::of(clear))?,
            [b'!', hash @ ..] => {
                self.remove_password(Password::from_hex(hash).ok_or(RuleError::BadHash)?)?;
            }
            [b'(', .., b')'] => self.selectors.push(Selector::parse(rule, channels)?),
            _ => self.selectors[0].apply(rule)?,
        }
        Ok(())
    }

    fn set_passwords(&mut self, nopass: bool) {
        self.nopass = nopass;
        self.passwords.clear();
    }

    fn add_password(&mut self, password: Password) {
        if !self.passwords.contains(&password) {
            self.passwords.push(password);
        }
        self.nopass = false;
    }

    fn remove_password(&mut self, password: Password) -> Result<(), RuleError> {
        let place = self.passwords.iter().position(|known| *known == password);
        self.passwords.remove(place.ok_or(RuleError::NoSuchPassword)?);
        Ok(())
    }

    /// The words that GETUSER lists as flags.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let sanitize = match self.sanitize {
            Sanitize::Unsaid => None,
            Sanitize::Skip => Some("skip-sanitize-payload"),
            Sanitize::Yes => Some("sanitize-payload"),
        };
        let enabled = if self.enabled { "on" } else { "off" };
        [Some(enabled), self.nopass.then_some("nopass"), sanitize].into_iter().flatten()
    }

    /// Its line in ACL LIST and in files, from `user` on. It holds hashes of passwords.
    pub fn describe(&self) -> Vec<u8> {
        let mut line = [b"user ", self.name.as_slice()].concat();
        let mut add = |word: &[u8]| {
            line.push(b' ');
            line.extend_from_slice(word);
        };
        self.flags().for_each(|flag| add(flag.as_bytes()));
        self.passwords.iter().for_each(|password| add(format!("#{}", password.hex()).as_bytes()));
        for (number, selector) in self.selectors.iter().enumerate() {
            match (number, selector.describe()) {
                (0, text) => add(&text),
                (_, text) => add(&[b"(", text.as_slice(), b")"].concat()),
            }
        }
        line
    }

    /// Whether a client that was this user, and is `next` from now on, may have lost channels that it is subscribed to:
    /// only then its subscriptions have to be looked at, by [`User::keeps`].
    pub fn loses_channels(&self, next: &User) -> bool {
        if next.selectors.iter().any(Selector::allows_all_channels) {
            return false;
        }
        let kept = next.channel_patterns();
        self.selectors.iter().any(|selector| {
            selector.allows_all_channels() || selector.channels().iter().any(|one| !kept.contains(one))
        })
    }

    /// Whether it may have a subscription.
    pub fn keeps(&self, kind: Kind, name: &[u8]) -> bool {
        self.selectors.iter().any(Selector::allows_all_channels)
            || selector::allows_channel(&self.channel_patterns(), name, kind == Kind::Pattern)
    }

    fn channel_patterns(&self) -> Vec<Vec<u8>> {
        self.selectors.iter().flat_map(Selector::channels).cloned().collect()
    }
}
