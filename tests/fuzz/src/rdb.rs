//! See [`pika_core::testing::fuzz::rdb`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pika_core::testing::fuzz::rdb(data));
