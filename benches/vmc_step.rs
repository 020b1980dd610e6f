//! The whole step: samples, local energies, derivatives, minSR. Against the size, and with two
//! threads against one.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ketwork::{GroundState, Independent, MinSr, Schedule, Stream};
use ketwork_benches::{Case, SAMPLES, pool};
use std::time::Duration;

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("vmc_step");
    for (n, threads) in [(16, 1), (32, 1), (32, 2), (64, 1), (128, 1)] {
        let case = Case::transformer(n);
        let sampler = Independent::new(SAMPLES, Stream::new(2).named("samples"));
        let mut vmc = GroundState::new(&case.model, &case.psi, sampler, case.theta.clone())
            .with_solver(MinSr::new(1e-3));
        // The state stays as it is: a concentrated one would have equal samples, and cost less.
        vmc.learning_rate = Schedule::Constant(0.0);
        group.throughput(Throughput::Elements(SAMPLES));
        let size = format!("N{n} B{SAMPLES} P{} threads{threads}", case.theta.len());
        group.bench_function(BenchmarkId::new("transformer", size), |b| {
            pool(threads).install(|| {
                b.iter(|| vmc.next().expect("endless").expect("no step fails"));
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5));
    targets = step
}
criterion_main!(benches);
