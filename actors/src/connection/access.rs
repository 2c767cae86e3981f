//! Who the client is, and what that user may not do.

use std::sync::Arc;

use pika_core::acl::{self, Context, Denial, Foreseen, User};
use pika_core::commands::table::Entry;
use pika_core::commands::{Args, Flags};
use pika_core::config::options;
use pika_core::session::Session;

use super::Core;
use crate::service::Service;
use crate::state::{State, lock, now_ms};

/// What a connection keeps of its user, so that a command of one who may do everything costs no more than a look.
#[derive(Debug)]
pub(super) struct Rights {
    /// The generation of users that this is of.
    generation: u64,
    user: Arc<User>,
    /// Nothing has to be checked.
    unlimited: bool,
    /// Whoever has not logged in may run commands all the same.
    open: bool,
}

impl Rights {
    pub(super) fn new(state: &State, session: &Session) -> Rights {
        let generation = state.access.generation();
        let open = state.access.users().default_user().lets_everyone_in();
        // Whatever the users are by now: this one is looked up with the first command.
        Rights { generation: generation.wrapping_sub(1), user: session.user.clone(), unlimited: false, open }
    }

    /// The user.
    pub(super) fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// The user, if it may not do everything.
    pub(super) fn limited(&self) -> Option<&Arc<User>> {
        if self.unlimited { None } else { Some(&self.user) }
    }
}

impl Core {
    /// The users as they are, and who the client is, before commands of a transaction change them.
    #[cold]
    pub(super) fn foreseen(&self) -> Foreseen {
        let channels = self.state.config().get(options::ACL_PUBSUB_DEFAULT).into();
        Foreseen::new(&self.state.access.users(), &self.rights.user, channels)
    }

    /// Takes note of changes to users; closes the client if its user is gone.
    #[inline]
    pub(super) fn refresh_rights(&mut self) {
        if self.state.access.generation() != self.rights.generation {
            self.look_up_user();
        }
    }

    #[cold]
    fn look_up_user(&mut self) {
        self.rights.generation = self.state.access.generation();
        let users = self.state.access.users();
        let mut session = lock(&self.handle.session);
        match users.get(&session.user.name).filter(|user| user.id == session.user.id) {
            Some(user) => session.user = user.clone(),
            None => {
                self.close_after_output = true;
                return;
            }
        }
        self.rights.open = users.default_user().lets_everyone_in();
        let (user, authenticated) = (session.user.clone(), session.authenticated);
        drop(session);
        self.become_user(user, authenticated);
    }

    /// The session says that the client is this user.
    pub(super) fn become_user(&mut self, user: Arc<User>, authenticated: bool) {
        self.rights.unlimited = user.is_unlimited();
        self.rights.user = user;
        self.authenticated = authenticated || self.rights.open;
    }

    /// Whether the client may run a command.
    #[inline]
    pub(super) fn check_rights(&self, entry: &'static Entry, args: Args<'_>) -> Result<(), Denial> {
        let Some(user) = self.rights.limited() else { return Ok(()) };
        // What a transaction refuses in any case is not looked at.
        if self.transaction.is_some() && entry.command.flags.has(Flags::NO_MULTI) {
            return Ok(());
        }
        acl::may_run(user, entry, args)
    }

    /// ACL LOG remembers what the client, as this user, was denied.
    #[cold]
    pub(super) fn log_denial(&self, user: &Arc<User>, denial: &Denial, context: Context) {
        let service = Service { state: self.state.clone() };
        let mut session = lock(&self.handle.session).clone();
        session.user = user.clone();
        pika_core::commands::acl::refuse(&service, &session, denial, context, now_ms());
    }
}
