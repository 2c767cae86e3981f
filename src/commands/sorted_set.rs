//! Sorted set commands: those of Redis 7.4.

pub(super) mod add;
mod bounds;
pub(super) mod combine;
mod pop;
mod random;
mod range;
mod rank;
mod remove;
mod rows;
mod scan;
mod score;
#[cfg(test)]
mod tests;

pub(super) use rows::COMMANDS;
