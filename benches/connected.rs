//! Connected elements: rows of the Hamiltonian at a batch of configurations.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ketwork::hamiltonians::{
    Boundary, Connected, Hamiltonian, Heisenberg, J1J2, Lattice, Model, OnSpace, Operator, Tfim,
};
use ketwork::{Ancestral, Autoregressive, Stream, Transformer, TransformerParams, Wavefunction};
use std::time::Duration;

/// Legal configurations of the model's sector.
fn configurations(model: &Model<f64>) -> ketwork::Configs {
    let sizes = TransformerParams {
        layers: 1,
        width: 8,
        heads: 1,
    };
    let net = Transformer::<f64>::new(*model.space(), sizes).expect("sizes fit");
    let psi = Autoregressive::new(net, model.sector().clone());
    let theta = psi.layout().initial(Stream::new(1));
    psi.sample(&theta, 0..1024, Stream::new(2)).x
}

fn connected(c: &mut Criterion) {
    let ring = |n| Lattice::chain(n, Boundary::Periodic).expect("rings exist");
    let square = |l| Lattice::square([l, l], Boundary::Periodic).expect("tori exist");
    let models = [
        ("tfim chain", 32, Tfim::new(1.0).on(&ring(32))),
        ("tfim chain", 128, Tfim::new(1.0).on(&ring(128))),
        ("heisenberg chain", 32, Heisenberg::default().on(&ring(32))),
        ("j1j2 square", 36, J1J2::new(0.5).on(&square(6))),
    ];
    let mut group = c.benchmark_group("connected");
    for (name, n, model) in models {
        let model = model.expect("the model exists");
        let x = configurations(&model);
        let mut out = Connected::default();
        model.connected(x.view(), &mut out);
        group.throughput(Throughput::Elements(out.element.len() as u64));
        let id = BenchmarkId::new(name, format!("N{n} B{}", x.len()));
        group.bench_function(id, |b| b.iter(|| model.connected(x.view(), &mut out)));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = connected
}
criterion_main!(benches);
