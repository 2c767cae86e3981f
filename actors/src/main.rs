//! The Pika daemon.
fn main() {}
