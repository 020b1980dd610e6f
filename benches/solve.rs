//! The tangent-space problem on one thread: Gram matrix, factorisation, step.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ketwork::hamiltonians::OnSpace;
use ketwork::{Dense, MinSr, Sr, TangentMap, TangentSolver, Transformer, TransformerParams};
use ketwork_benches::{Case, pool};
use std::time::Duration;

fn solve_with(b: &mut criterion::Bencher<'_>, map: &Dense, solver: &mut dyn TangentSolver) {
    let (n, k, p) = map.shape();
    let residual: Vec<f64> = (0..n * k)
        .map(|i| ((i * 37 % 101) as f64 - 50.0) / 1e3)
        .collect();
    let mut step = vec![0.0; p];
    pool(1).install(|| {
        b.iter(|| {
            solver
                .solve(map, &residual, &mut step)
                .expect("the shift makes it definite")
        });
    });
}

fn solve(c: &mut Criterion) {
    let mut group = c.benchmark_group("solve");
    let case = Case::transformer(32);
    for shots in [512, 1024] {
        let map = Dense::new(&case.psi, &case.theta, &case.samples(shots));
        let (n, _, p) = map.shape();
        let id = BenchmarkId::new("minsr", format!("n{n} P{p}"));
        group.bench_function(id, |b| solve_with(b, &map, &mut MinSr::new(1e-3)));
    }
    let sizes = TransformerParams {
        layers: 1,
        width: 8,
        heads: 1,
    };
    let small = Case::on_ring(32, |model| {
        Transformer::<f64>::new(*model.space(), sizes).expect("one head fits")
    });
    let map = Dense::new(&small.psi, &small.theta, &small.samples(2048));
    let (n, _, p) = map.shape();
    let id = BenchmarkId::new("sr", format!("n{n} P{p}"));
    group.bench_function(id, |b| solve_with(b, &map, &mut Sr::new(1e-3)));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(4));
    targets = solve
}
criterion_main!(benches);
