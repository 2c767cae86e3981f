//! What a data type can do, over a transaction.

pub mod hash;
pub mod lcs;
