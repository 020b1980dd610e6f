//! Per-sample derivatives on one thread, with the flop rate: "elem/s" are flop/s.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ketwork::Differentiable;
use ketwork_benches::{Case, SAMPLES, TRANSFORMER, pool, tangent_flops};
use std::time::Duration;

fn tangent(c: &mut Criterion) {
    let mut group = c.benchmark_group("jacobian");
    for n in [32, 64] {
        let case = Case::transformer(n);
        let samples = case.samples(SAMPLES);
        let mut rows = vec![0.0; samples.len() * case.theta.len()];
        let flops = tangent_flops(n, TRANSFORMER) * samples.len() as u64;
        group.throughput(Throughput::Elements(flops));
        let size = format!("N{n} B{} P{}", samples.len(), case.theta.len());
        group.bench_function(BenchmarkId::new("transformer", size), |b| {
            let x = samples.x.view();
            pool(1).install(|| b.iter(|| case.psi.jacobian(&case.theta, x, &mut rows)));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(4));
    targets = tangent
}
criterion_main!(benches);
