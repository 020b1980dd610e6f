//! CPU seconds of each DMRG sweep, for the jobs that are paired with TeNPy, or of an open L x L
//! J1-J2 square at any coupling and bond.
//!
//! `cargo run --release -p ketwork-dmrg --example dmrg_timing -- tfim | j1j2 | both | square L J2 BOND`

use ketwork_dmrg::{Dmrg, DmrgParams};
use ketwork_hamiltonians::{Boundary, J1J2, Lattice, Model, Tfim};
use std::error::Error;

fn run(
    name: &str,
    model: &Model<f64>,
    scale: f64,
    params: DmrgParams,
) -> Result<(), Box<dyn Error>> {
    let mut dmrg = Dmrg::new(model, params)?;
    let widest = dmrg.mpo().bond_dims().into_iter().max().unwrap_or(1);
    println!("# {name}: operator of bond dimension {widest}");
    println!("# sweep  energy  truncation  bond  products  CPU seconds");
    for sweep in &mut dmrg {
        let s = sweep?;
        println!(
            "{:3}  {:.9}  {:.2e}  {:4}  {:5}  {:.4}",
            s.index,
            s.energy * scale,
            s.truncation,
            s.bond,
            s.products,
            s.cpu_seconds
        );
    }
    Ok(())
}

/// A square from the command line, its bond doubled from 16 on, until its energy stands still.
fn converged() -> Result<(), Box<dyn Error>> {
    let rest: Vec<String> = std::env::args().skip(2).collect();
    let [l, j2, bond] = &rest[..] else {
        return Err("square takes L, J2 and a bond".into());
    };
    let (l, j2, bond): (usize, f64, usize) = (l.parse()?, j2.parse()?, bond.parse()?);
    let square = J1J2::new(j2).on(&Lattice::square([l, l], Boundary::Open)?)?;
    let below = std::iter::successors(Some(16), |b| Some(2 * b)).take_while(|&b| b < bond);
    let params = DmrgParams {
        bonds: below.chain([bond]).collect(),
        tolerance: 1e-6,
        ..DmrgParams::default()
    };
    let name = format!("J1-J2, open {l} x {l}, j2 = {j2}, bond {bond}");
    run(&name, &square, 4.0 / (l * l) as f64, params)
}

fn main() -> Result<(), Box<dyn Error>> {
    let job = std::env::args().nth(1).unwrap_or_else(|| "both".to_owned());
    if job == "square" {
        return converged();
    }
    if job != "j1j2" {
        let chain = Tfim::new(1.0).on(&Lattice::chain(32, Boundary::Open)?)?;
        let params = DmrgParams {
            bonds: vec![16],
            mixer: None,
            max_sweeps: 8,
            polish: 0,
            tolerance: 0.0,
            ..DmrgParams::default()
        };
        run("TFIM, open chain of 32 sites, h = 1", &chain, 1.0, params)?;
    }
    if job != "tfim" {
        let square = J1J2::new(0.2).on(&Lattice::square([8, 8], Boundary::Open)?)?;
        let params = DmrgParams {
            bonds: vec![70],
            max_sweeps: 12,
            polish: 4,
            tolerance: 0.0,
            ..DmrgParams::default()
        };
        // Per site, in Pauli units.
        run("J1-J2, open 8 x 8, j2 = 0.2", &square, 4.0 / 64.0, params)?;
    }
    Ok(())
}
