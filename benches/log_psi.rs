//! Forward passes on one thread, with the flop rate: "elem/s" are flop/s. The plain product beside
//! them is the rate that they are read against.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ketwork::{Neighbours, Wavefunction};
use ketwork_benches::{Case, Product, SAMPLES, TRANSFORMER, forward_flops, pool};
use std::time::Duration;

fn product(c: &mut Criterion) {
    let mut product = Product::new();
    let mut group = c.benchmark_group("product");
    group.throughput(Throughput::Elements(Product::FLOPS));
    group.bench_function(BenchmarkId::new("f64 square", Product::SIDE), |bench| {
        bench.iter(|| product.run());
    });
}

fn log_psi(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_psi");
    for n in [32, 64] {
        let case = Case::transformer(n);
        let samples = case.samples(SAMPLES);
        let mut out = vec![0.0; samples.len()];
        group.throughput(Throughput::Elements(
            forward_flops(n, TRANSFORMER) * out.len() as u64,
        ));
        let id = BenchmarkId::new("transformer", format!("N{n} B{}", out.len()));
        group.bench_function(id, |b| {
            pool(1)
                .install(|| b.iter(|| case.psi.log_psi(&case.theta, samples.x.view(), &mut out)));
        });
    }
}

fn neighbours(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_psi_neighbours");
    let case = Case::transformer(32);
    let samples = case.samples(64);
    let mut near = Neighbours::default();
    for b in 0..samples.len() {
        (0..32).for_each(|s| near.push(b, [(s, 1 - samples.x.row(b)[s])]));
    }
    let mut out = vec![0.0; near.len()];
    group.throughput(Throughput::Elements(near.len() as u64));
    let id = BenchmarkId::new(
        "transformer, all single changes",
        format!("N32 B{}", samples.len()),
    );
    group.bench_function(id, |b| {
        let x = samples.x.view();
        pool(1).install(|| {
            b.iter(|| case.psi.log_psi_neighbours(&case.theta, x, &near, &mut out));
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = product, log_psi, neighbours
}
criterion_main!(benches);
