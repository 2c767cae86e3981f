//! How INFO is written.

use super::{Numbers, Sections};
use crate::server::Server;

/// The text of INFO: the wanted sections, each with a heading; lines end in `\r\n`.
pub fn write(_server: &dyn Server, _numbers: &Numbers, _wanted: &Sections, _now_us: u64) -> String {
    String::new()
}

/// A number of bytes for people: `1.50M`.
pub fn human(_bytes: u64) -> String {
    String::new()
}
