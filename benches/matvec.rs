//! Exact diagonalisation on one thread: basis, sparse matrix, products, Lanczos.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ketwork::exact::{Basis, LanczosParams, Memory, SparseMatrix, ground_state};
use ketwork::hamiltonians::{Boundary, Hamiltonian, Heisenberg, Lattice, Model};
use ketwork_benches::{pool, ring};
use std::hint::black_box;
use std::time::Duration;

fn heisenberg(n: usize) -> Model<f64> {
    let lattice = Lattice::chain(n, Boundary::Periodic).expect("rings exist");
    Heisenberg::default()
        .on(&lattice)
        .expect("an even ring has total Sz = 0")
}

fn matvec(c: &mut Criterion) {
    let cases = [
        ("heisenberg Sz=0", 16, heisenberg(16)),
        ("heisenberg Sz=0", 20, heisenberg(20)),
        ("tfim", 16, ring(16)),
        ("tfim", 20, ring(20)),
    ];
    let mut group = c.benchmark_group("exact");
    for (name, n, model) in cases {
        let build = || {
            let basis = Basis::new(&**model.sector(), Memory::default()).expect("fits");
            SparseMatrix::new(&model, &basis, Memory::default()).expect("fits")
        };
        let matrix = pool(1).install(build);
        let dimension = matrix.dimension();
        let x: Vec<f64> = (0..dimension).map(|i| (i % 17) as f64 - 8.0).collect();
        let mut y = vec![0.0; dimension];
        let size = format!("N{n} dim{dimension}");
        group.throughput(Throughput::Elements(matrix.off_diagonal_len() as u64));
        group.bench_function(BenchmarkId::new(format!("{name} build"), &size), |b| {
            pool(1).install(|| b.iter(|| black_box(build())));
        });
        group.bench_function(BenchmarkId::new(format!("{name} matvec"), &size), |b| {
            pool(1).install(|| b.iter(|| matrix.apply(&x, &mut y)));
        });
    }
    let model = heisenberg(16);
    group.bench_function(
        BenchmarkId::new("heisenberg Sz=0 ground state", "N16"),
        |b| {
            let params = LanczosParams::default();
            pool(1).install(|| {
                b.iter(|| black_box(ground_state(&model, &params).expect("converges")));
            });
        },
    );
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = matvec
}
criterion_main!(benches);
