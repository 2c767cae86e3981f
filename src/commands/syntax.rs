//! The notation of a command's arguments.
