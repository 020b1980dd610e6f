//! Burn modules in single precision on a graphics processor, or on a driver that stands for one: `tests/wgpu.sh`.

use crate::own_network::{Machine, small_on};
use ketwork::burn::tensor::{Device, DeviceKind};
use ketwork::hamiltonians::{Configs, Free, Sector, Space};
use ketwork::{Ancestral, Autoregressive, BurnState, Differentiable, Stream, Wavefunction};
use std::sync::Arc;

const ROWS: usize = 70;

fn wgpu() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice)
}

/// ln psi and its derivatives on both devices, at the same parameters.
fn agree(wgpu: &dyn Differentiable<Log = f64>, flex: &dyn Differentiable<Log = f64>) {
    let space = *flex.space();
    let mut x = Configs::zeros(ROWS, space.n_sites);
    for r in 0..ROWS {
        for (site, v) in x.row_mut(r).iter_mut().enumerate() {
            *v = u8::from(Stream::new(3).uniform(r as u64, site as u32) < 0.5);
        }
    }
    let mut theta = flex.layout().initial(Stream::new(1));
    for (i, t) in theta.iter_mut().enumerate() {
        *t += Stream::new(4).uniform(i as u64, 0) - 0.5;
    }
    let run = |psi: &dyn Differentiable<Log = f64>| {
        let mut logs = vec![0.0; ROWS];
        psi.log_psi(&theta, x.view(), &mut logs);
        let mut rows = vec![0.0; ROWS * theta.len()];
        psi.jacobian(&theta, x.view(), &mut rows);
        [logs, rows]
    };
    for (single, double) in run(wgpu).iter().zip(&run(flex)) {
        let scale = double.iter().fold(1.0f64, |m, v| m.max(v.abs()));
        for (s, d) in single.iter().zip(double) {
            // Sums of tens of terms in single precision, 6e-8 each.
            assert!((s - d).abs() < 1e-5 * scale, "{s} on wgpu, {d} on flex");
        }
        assert_ne!(single, double, "wgpu computes in single precision");
    }
}

#[test]
fn a_network_on_wgpu_is_that_of_the_processor_to_its_rounding() {
    let space = Space::qubits(6);
    let sector: Sector = Arc::new(Free::new(space));
    let [own, flex] = [wgpu(), Device::flex()]
        .map(|device| Autoregressive::new(small_on(device, space), sector.clone()));
    agree(&own, &flex);
    let theta = flex.layout().initial(Stream::new(1));
    let samples = own.sample(&theta, 0..500, Stream::new(2));
    let total: f64 = samples.weight.iter().sum();
    assert!((total - 1.0).abs() < 1e-12, "weights add up to {total}");
}

#[test]
fn a_state_on_wgpu_is_that_of_the_processor_to_its_rounding() {
    let sector: Sector = Arc::new(Free::new(Space::qubits(6)));
    let [own, flex] = [wgpu(), Device::flex()].map(|device| {
        let build = |device: &Device| Machine::new(6, 8, device);
        BurnState::<_, f64>::on(device, sector.clone(), 1, build).expect("a sound state")
    });
    agree(&own, &flex);
}
