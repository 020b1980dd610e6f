//! Cached autoregressive sampling on one thread; many shots of a small system share prefixes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ketwork_benches::{Case, SAMPLES, pool};
use std::hint::black_box;
use std::time::Duration;

fn sample(c: &mut Criterion) {
    let mut group = c.benchmark_group("sample");
    for (n, shots) in [(32, SAMPLES), (64, SAMPLES), (12, 4096), (12, 1_000_000)] {
        let case = Case::transformer(n);
        group.throughput(Throughput::Elements(shots));
        group.bench_function(
            BenchmarkId::new("transformer", format!("N{n} shots{shots}")),
            |b| {
                pool(1).install(|| b.iter(|| black_box(case.samples(shots))));
            },
        );
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = sample
}
criterion_main!(benches);
