//! Time to parse and to write one command: `cargo bench -p pika-core --bench codec`.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pika_core::number;
use pika_core::resp::{Batch, Limits, Parser, Protocol, Reply};

/// `SET` of a 16-byte key and a 64-byte value, in pipelines. The figure is for a whole pipeline; elem/s is commands.
fn parse_set(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse_set");
    for pipeline in [1, 16, 64] {
        let mut stream = Vec::new();
        for n in 0..pipeline {
            stream.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$16\r\n");
            stream.extend_from_slice(format!("key:{n:012}\r\n$64\r\n").as_bytes());
            stream.extend_from_slice(&[b'x'; 64]);
            stream.extend_from_slice(b"\r\n");
        }
        let (mut parser, mut batch, limits) = (Parser::new(), Batch::default(), Limits::default());
        group.throughput(Throughput::Elements(pipeline));
        group.bench_with_input(BenchmarkId::from_parameter(pipeline), &stream, |b, stream| {
            b.iter(|| {
                batch.clear();
                let consumed = parser.parse(black_box(stream), &limits, usize::MAX, &mut batch);
                black_box(&batch);
                consumed
            })
        });
    }
    group.finish();
}

/// 16 replies of a 64-byte string.
fn write_bulk(c: &mut Criterion) {
    let mut reply = Reply::new(Protocol::Resp2);
    let mut group = c.benchmark_group("write_bulk");
    group.throughput(Throughput::Elements(16));
    group.bench_function("16", |b| {
        b.iter(|| {
            reply.truncate(0);
            for _ in 0..16 {
                reply.bulk(black_box(&[b'x'; 64]));
            }
            black_box(reply.as_slice().len())
        })
    });
    group.finish();
}

/// One INCRBYFLOAT: texts that fit 128 bits, and texts that need numbers of any size.
fn incr_by_float(c: &mut Criterion) {
    let mut group = c.benchmark_group("incr_by_float");
    for (name, current, increment) in [("short", "10.50", "0.1"), ("long", "1.25e-300", "3.5e300")] {
        group.bench_function(name, |b| {
            b.iter(|| number::incr_by_float(black_box(current.as_bytes()), black_box(increment.as_bytes())))
        });
    }
    group.finish();
}

criterion_group!(benches, parse_set, write_bulk, incr_by_float);
criterion_main!(benches);
