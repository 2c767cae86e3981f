//! See [`pika_core::testing::fuzz::replication`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pika_core::testing::fuzz::replication(data));
