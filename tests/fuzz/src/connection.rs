//! See [`pika_core::testing::fuzz::connection`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pika_core::testing::fuzz::connection(data));
