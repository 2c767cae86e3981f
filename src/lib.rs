//! The core of Pika.
pub mod binlog;
pub mod config;
pub mod files;
pub mod glob;
pub mod number;
pub mod resp;
