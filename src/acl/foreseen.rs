//! What a client's rights will be behind commands that change them, before these have run.
//!
//! EXEC runs what is about keys first, and users change behind that; but each command must be looked at with the rights
//! that those in front of it leave. What they do to users depends on nothing but users, so it can be known before.

use std::sync::Arc;

use super::{Channels, User, Users};
use crate::commands::Args;
use crate::commands::connection::credentials;
use crate::commands::table::Entry;

/// Users as they will be, and who the client will be.
#[derive(Debug, Clone)]
pub struct Foreseen {
    users: Users,
    user: Arc<User>,
    channels: Channels,
}

impl Foreseen {
    /// Before the first command. `channels` is what new users may use (`acl-pubsub-default`).
    pub fn new(users: &Users, user: &Arc<User>, channels: Channels) -> Foreseen {
        Foreseen { users: users.clone(), user: user.clone(), channels }
    }

    /// Whether a command may change users, or who the client is, in a way that can be known before: ACL SETUSER, ACL
    /// DELUSER, AUTH, HELLO. (Not so ACL LOAD, which reads a file.)
    pub fn concerns(entry: &Entry) -> bool {
        matches!(entry.full_name.as_str(), "acl|setuser" | "acl|deluser" | "auth" | "hello")
    }

    /// Who the client is, with the rights that it has there.
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// A command that [`Foreseen::concerns`] knows will have run; one that fails changes nothing.
    pub fn run(&mut self, entry: &Entry, args: Args<'_>) {
        match entry.full_name.as_str() {
            "acl|setuser" if !super::breaks_lines(args.word(2)) => {
                let _ = self.users.change(args.word(2), args.from(3), self.channels);
            }
            "acl|deluser" => {
                // Those behind `default`, which is refused, stay.
                args.from(2).take_while(|name| *name != super::DEFAULT).for_each(|name| {
                    self.users.remove(name);
                });
            }
            "auth" | "hello" => {
                let known = credentials(&self.users, args);
                if let Some(user) = known.and_then(|(name, password)| self.users.authenticate(name, password))
                {
                    self.user = user.clone();
                }
            }
            _ => {}
        }
        let own = self.users.get(&self.user.name).filter(|user| user.id == self.user.id);
        // Whoever removes himself is closed behind EXEC, and until then what everybody is.
        self.user = own.unwrap_or(self.users.default_user()).clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::table;

    /// Who the client, `me` at first, is after each line, and whether it may run GET there.
    fn foresee(lines: &[&str]) -> Vec<(String, bool)> {
        let mut users = Users::new();
        users
            .change(b"me", [&b"on"[..], b"nopass", b"~*", b"+@all"].into_iter(), Channels::None)
            .expect("rules");
        let me = users.get(b"me").expect("added").clone();
        let mut foreseen = Foreseen::new(&users, &me, Channels::None);
        let get = table::find_full(b"get").expect("a command");
        lines
            .iter()
            .map(|line| {
                let mut ranges = Vec::new();
                for word in line.split(' ') {
                    let start = word.as_ptr() as usize - line.as_ptr() as usize;
                    ranges.push((start as u32, (start + word.len()) as u32));
                }
                let args = Args::new(line.as_bytes(), &ranges);
                let entry = table::resolve(args).expect("a command");
                if Foreseen::concerns(entry) {
                    foreseen.run(entry, args);
                }
                let user = foreseen.user();
                let words = Args::new(b"getk", &[(0, 3), (3, 4)]);
                let name = String::from_utf8_lossy(&user.name).into_owned();
                (name, crate::acl::may_run(user, get, words).is_ok())
            })
            .collect()
    }

    #[test]
    fn rights_are_those_that_the_commands_before_leave() {
        let expected = |lines: &[(&str, &str, bool)]| {
            let answers: Vec<(String, bool)> =
                lines.iter().map(|(_, name, may)| (name.to_string(), *may)).collect();
            let lines: Vec<&str> = lines.iter().map(|line| line.0).collect();
            assert_eq!(foresee(&lines), answers);
        };
        expected(&[
            ("ACL SETUSER me nonsense", "me", true),
            ("ACL SETUSER me -get", "me", false),
            ("ACL SETUSER me +get", "me", true),
            ("ACL SETUSER other on >pw ~* +@all -get", "me", true),
            ("AUTH other wrong", "me", true),
            ("HELLO 9 AUTH other pw", "me", true),
            ("HELLO 3 AUTH other pw nonsense", "me", true),
            ("HELLO 3 SETNAME n AUTH other pw", "other", false),
            ("AUTH default", "other", false),
            ("AUTH me anything", "me", true),
            ("AUTH other pw", "other", false),
            ("ACL DELUSER default other", "other", false),
            ("ACL DELUSER nobody other", "default", true),
            ("PING", "default", true),
        ]);
    }
}
