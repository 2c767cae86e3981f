//! What can be wrong with a rule.

/// Why a rule was refused. `Display` gives Redis's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleError {
    /// It names a command or category that there is not.
    Unknown,
    /// It is no rule.
    Syntax,
    /// A pattern for keys, where all are allowed already.
    NeedlessKeys,
    /// A pattern for channels, where all are allowed already.
    NeedlessChannels,
    /// A password to remove that the user does not have.
    NoSuchPassword,
    /// Not 64 lower-case hexadecimal digits.
    BadHash,
    /// A parenthesis that nothing closes.
    Unmatched,
    /// A first argument of a subcommand (`+config|get|x`).
    FirstArgument,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            RuleError::Unknown => "Unknown command or category name in ACL",
            RuleError::Syntax => "Syntax error",
            RuleError::NeedlessKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::NeedlessChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            RuleError::NoSuchPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            RuleError::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::Unmatched => "Unmatched parenthesis in acl selector",
            RuleError::FirstArgument => "Allowing first-arg of a subcommand is not supported",
        })
    }
}

impl std::error::Error for RuleError {}
