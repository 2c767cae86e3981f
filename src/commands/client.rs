//! CLIENT.
