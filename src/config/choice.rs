//! Options that take one of a few words, as enums that the shell can match on.

/// A value that is one word of a fixed list.
pub trait Choice: Copy + 'static {
    /// The words, in the order in which an error message lists them.
    const NAMES: &'static [&'static str];

    /// The value for the word at `index` in [`Self::NAMES`].
    fn from_index(index: usize) -> Self;
}

macro_rules! choices {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$variant_doc:meta])+ $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])+ $variant,)+
        }

        impl Choice for $name {
            const NAMES: &'static [&'static str] = &[$($word),+];

            fn from_index(index: usize) -> Self {
                const ALL: &[$name] = &[$($name::$variant),+];
                ALL[index]
            }
        }
    )+};
}

choices! {
    /// When a write of the log reaches the disk (`appendfsync`).
    AppendFsync {
        /// Once a second.
        EverySecond = "everysec",
        /// Before the write is answered.
        Always = "always",
        /// When the operating system likes.
        No = "no",
    }
    /// The least severe log line that is written (`loglevel`).
    LogLevel {
        /// Everything, for developers.
        Debug = "debug",
        /// Much detail.
        Verbose = "verbose",
        /// What an operator wants to see.
        Notice = "notice",
        /// Only what is wrong.
        Warning = "warning",
        /// No lines at all.
        Nothing = "nothing",
    }
    /// Which service manager is told that the server is ready (`supervised`).
    Supervised {
        /// Stop with SIGSTOP once ready.
        Upstart = "upstart",
        /// Notify through `NOTIFY_SOCKET`.
        Systemd = "systemd",
        /// Whichever of the two the environment shows.
        Auto = "auto",
        /// None.
        No = "no",
    }
    /// Who may use something dangerous (`enable-debug-command` and the like).
    Permission {
        /// No one.
        No = "no",
        /// Every client.
        Yes = "yes",
        /// Clients of this machine: loopback addresses and the Unix socket.
        Local = "local",
    }
    /// How blocks on disk are compressed (`rocksdb-compression`).
    Compression {
        /// Not at all.
        None = "none",
        /// Fast.
        Lz4 = "lz4",
        /// Small.
        Zstd = "zstd",
    }
    /// The channels that a new ACL user may use (`acl-pubsub-default`).
    PubsubDefault {
        /// All.
        AllChannels = "allchannels",
        /// None, until granted.
        ResetChannels = "resetchannels",
    }
    /// Whether clients show certificates (`tls-auth-clients`).
    TlsAuthClients {
        /// They are not asked.
        No = "no",
        /// They must.
        Yes = "yes",
        /// They may.
        Optional = "optional",
    }
}
