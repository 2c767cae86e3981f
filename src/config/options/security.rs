//! Who may do what.

super::super::row::options! { Security {
    /// The password of the user `default`; empty lets everyone in without one.
    ///
    /// Danger: it is sent and kept as it is. Passwords are tried fast, so make it long.
    REQUIREPASS: String = Row::text("requirepass", "").secret();

    /// A file with users and their rights, as ACL SAVE writes it; empty for none. A relative path begins at `dir`.
    ACLFILE: String = Row::text("aclfile", "").fixed();

    /// Whether a new ACL user may use every Pub/Sub channel or none.
    ACL_PUBSUB_DEFAULT: PubsubDefault = Row::choice::<PubsubDefault>("acl-pubsub-default", "resetchannels");

    /// How many refused commands and failed logins ACL LOG remembers.
    ACLLOG_MAX_LEN: u64 = Row::integer("acllog-max-len", "128", 0, i64::MAX);

    /// Who may use DEBUG: no one, everyone, or clients of this machine only.
    ///
    /// Danger: DEBUG can stop the server and reach into its insides.
    ENABLE_DEBUG_COMMAND: Permission = Row::choice::<Permission>("enable-debug-command", "local").fixed();

    /// Who may change protected options by CONFIG SET: no one, everyone, or clients of this machine only.
    ENABLE_PROTECTED_CONFIGS: Permission = Row::choice::<Permission>("enable-protected-configs", "no").fixed();
}}

use super::super::choice::{Permission, PubsubDefault};
