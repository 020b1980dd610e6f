use crate::bond::Tensor;
use crate::cut::{Limits, Mix, cut, join, pass};
use crate::dense::Factor;
use crate::environment::Environment;
use crate::lanczos::{Krylov, Stop};
use crate::lift::{Lift, Workspace};
use crate::mpo::{Line, Mpo};
use crate::mps::Mps;
use crate::params::{DmrgError, DmrgInfo, DmrgParams, Sweep};
use crate::sector::{Charges, Restriction};
use crate::side::Side;
use crate::start::{mirrored, pair_charges, random_state};
use crate::{Element, bond::Shape};
use ketwork_hamiltonians::Hamiltonian;
use ketwork_linalg::NoConvergence;
use rustix::time::{ClockId, clock_gettime};

/// Two-site DMRG for the lowest state of a Hamiltonian in its sector.
///
/// An iterator of sweeps: each goes through the chain and back, and improves two neighbouring
/// tensors at a time by Lanczos. Where the sector fixes the sum of the site values
/// ([`ketwork_hamiltonians::Number`]) the tensors fall into blocks and the sector is exact. Any other
/// sector is kept by its projector: the lowest state of $P (H - c) P$, with c above the spectrum,
/// lies inside.
///
/// All work is sequential: equal seeds give equal bits.
///
/// # Examples
/// ```
/// use ketwork_dmrg::{Dmrg, DmrgParams};
/// use ketwork_hamiltonians::{Boundary, Lattice, Tfim};
/// let chain = Tfim::new(1.0).on(&Lattice::chain(8, Boundary::Open)?)?;
/// let mut dmrg = Dmrg::new(&chain, DmrgParams::default())?;
/// for sweep in &mut dmrg {
///     let sweep = sweep?;
///     println!("{} {}", sweep.index, sweep.energy);
/// }
/// assert!((dmrg.energy() + 9.83795145).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # References
/// S. R. White, Phys. Rev. Lett. 69, 2863 (1992);
/// U. Schollwöck, Ann. Phys. 326, 96 (2011), section 6.
#[derive(Debug)]
pub struct Dmrg<T> {
    params: DmrgParams,
    order: Vec<u32>,
    charges: Vec<i64>,
    pair_charges: Vec<i64>,
    mpo: Mpo<T>,
    shift: f64,
    ahead: Side<T>,
    back: Side<T>,
    tensors: Vec<Tensor<T>>,
    /// By number of sites contracted.
    left: Vec<Environment<T>>,
    right: Vec<Environment<T>>,
    work: Workspace<T>,
    krylov: Krylov<T>,
    residual: f64,
    index: usize,
    energy: f64,
    phase: Phase,
}

/// What the next sweep does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Improves two tensors at a time.
    Pairs,
    /// Improves one, as many times at most.
    Polish(usize),
    /// Nothing.
    Done,
}

impl<T: Element> Dmrg<T> {
    /// Prepares the operator and a random start in the sector, in the order of the sector.
    ///
    /// # Errors
    /// [`DmrgError`] for terms or sectors that cannot be represented.
    ///
    /// # Panics
    /// For fewer than two sites, no bond dimension or one of 0, or `krylov`, `start_bond` or
    /// `max_sweeps` of 0.
    #[track_caller]
    pub fn new<H: Hamiltonian<Elem = T>>(
        hamiltonian: &H,
        params: DmrgParams,
    ) -> Result<Self, DmrgError> {
        let n_sites = hamiltonian.space().n_sites;
        assert!(n_sites >= 2, "a chain needs two sites to be cut");
        assert!(
            !params.bonds.is_empty() && params.bonds.iter().all(|&b| b > 0),
            "bond dimensions {:?}: need at least one, all positive",
            params.bonds
        );
        assert!(
            params.krylov > 0 && params.start_bond > 0 && params.max_sweeps > 0,
            "krylov, start_bond and max_sweeps must be positive"
        );
        let Restriction {
            mpo,
            charges: Charges { values, total },
            shift,
        } = Restriction::new(hamiltonian)?;
        let (ahead, back) = (Side::new(&mpo), Side::new(&mpo.mirrored()));
        let tensors = random_state(n_sites, &values, total, params.start_bond, params.seed)
            .map_err(|NoConvergence| DmrgError::Eigen { bond: 0 })?;
        let mut work = Workspace::default();
        let mut right = vec![Environment::end()];
        for (p, tensor) in mirrored(&tensors, &values)
            .iter()
            .enumerate()
            .take(n_sites - 1)
        {
            let lines = (&back.lines[p], &back.lines[p + 1]);
            let next = right[p].extended(tensor, &back.sites[p], lines, &mut work);
            right.push(next);
        }
        Ok(Self {
            order: hamiltonian.sector().order().to_vec(),
            pair_charges: pair_charges(&values),
            charges: values,
            params,
            mpo,
            shift,
            ahead,
            back,
            tensors,
            left: Vec::new(),
            right,
            work,
            krylov: Krylov::default(),
            residual: START_RESIDUAL,
            index: 0,
            energy: f64::NAN,
            phase: Phase::Pairs,
        })
    }

    /// The operator whose lowest state is sought, with the constant that the sector needs.
    #[must_use]
    pub fn mpo(&self) -> &Mpo<T> {
        &self.mpo
    }

    /// Energy after the last sweep; NaN before the first.
    #[must_use]
    pub fn energy(&self) -> f64 {
        self.energy
    }

    /// The state, right-canonical, in the order of the sector.
    #[must_use]
    pub fn state(&self) -> Mps<T> {
        Mps::from_blocks(self.charges.len(), &self.order, &self.tensors)
    }

    /// Energy variance $\langle H^2\rangle - \langle H\rangle^2$ of the state as it stands: 0 for an
    /// eigenstate.
    ///
    /// Rounding leaves $10^{-16} \langle H\rangle^2$ or so, of either sign. The bonds of $H^2$ are
    /// squares: this costs as much as many sweeps.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let state = self.state();
        let mean = state.expectation(&self.mpo).re();
        state.expectation(&self.mpo.times(&self.mpo)).re() - mean * mean
    }

    /// The last bond dimension of the schedule is reached and the mixer is off.
    fn is_final(&self) -> bool {
        let mixed = self.params.mixer.is_some_and(|m| self.index < m.sweeps);
        !mixed && self.index + 1 >= self.params.bonds.len()
    }

    fn sweep(&mut self) -> Result<Sweep, DmrgError> {
        let start = cpu_seconds();
        let (mut truncation, mut products, mut sites) = (0.0, 0, 2);
        if self.phase == Phase::Pairs {
            let there = self.half(false)?;
            let back = self.half(true)?;
            (truncation, products) = (back.0, there.1 + back.1);
            // Residuals far below what truncation allows would be spent in vain.
            self.residual = (0.03 * back.0.sqrt()).clamp(LEAST_RESIDUAL, START_RESIDUAL);
        } else {
            sites = 1;
            self.residual = LEAST_RESIDUAL.max(0.3 * self.residual);
            for is_back in [false, true] {
                products += self.half_by_one(is_back)?;
            }
        }
        let n = self.tensors.len();
        // The far environment holds all sites but the first, which is the centre.
        let last = self.tensors[0].mirrored(&self.charges);
        let lines = (&self.back.lines[n - 1], &self.back.lines[n]);
        let whole =
            self.right[n - 1].extended(&last, &self.back.sites[n - 1], lines, &mut self.work);
        let energy = whole.data[0].re() + self.shift;
        let change = (energy - self.energy).abs();
        let settled = self.is_final() && change < self.params.tolerance;
        self.energy = energy;
        self.index += 1;
        let polish = self.params.polish;
        self.phase = match self.phase {
            Phase::Pairs if !settled && self.index < self.params.max_sweeps => Phase::Pairs,
            Phase::Pairs if polish > 0 => Phase::Polish(polish),
            Phase::Polish(left) if !settled && left > 1 => Phase::Polish(left - 1),
            _ => Phase::Done,
        };
        let converged = settled && self.phase == Phase::Done;
        Ok(Sweep {
            index: self.index - 1,
            energy,
            truncation,
            bond: self
                .tensors
                .iter()
                .map(|t| t.shape.right.total())
                .fold(1, usize::max),
            sites,
            products,
            cpu_seconds: cpu_seconds() - start,
            converged,
        })
    }

    /// Goes through the chain from its first site, then turns it round; returns the largest weight
    /// lost and the number of products.
    fn half(&mut self, is_back: bool) -> Result<(f64, usize), DmrgError> {
        let side = if is_back { &self.back } else { &self.ahead };
        let (n, index) = (self.tensors.len(), self.index);
        let limits = Limits {
            bond: self.params.bonds[index.min(self.params.bonds.len() - 1)],
            weight: self.params.weight,
        };
        let mixer = self.params.mixer.filter(|m| index < m.sweeps);
        let amplitude = mixer.map(|m| m.amplitude * m.decay.powi(index as i32));
        let stop = Stop {
            steps: self.params.krylov,
            residual: self.residual,
        };
        self.left.clear();
        self.left.push(Environment::end());
        let (mut lost, mut products) = (0.0_f64, 0);
        for p in 0..n - 1 {
            let bond = if is_back { n - 1 - p } else { p + 1 };
            let failed = |NoConvergence| DmrgError::Eigen { bond };
            self.right.truncate(n - 1 - p);
            let left = &self.left[p];
            let right = self.right.last().expect("one for each bond to the right");
            let mut theta = join(&self.tensors[p], &self.tensors[p + 1], &self.pair_charges);
            let outer = &side.lines[p + 2];
            let plan = Lift::new(left, &theta.shape, &side.pairs[p], &side.lines[p], outer);
            let (shape, work) = (&theta.shape, &mut self.work);
            let apply = |v: &[T], out: &mut [T]| {
                plan.run(&left.data, v, work);
                close(&plan, shape, right, outer, work, out);
            };
            let (energy, steps) = self
                .krylov
                .lowest(&mut theta.data, apply, stop)
                .map_err(failed)?;
            if !energy.is_finite() {
                let sweep = index;
                return Err(DmrgError::NotFinite {
                    energy,
                    bond,
                    sweep,
                });
            }
            products += steps;
            let lines = (&side.lines[p], &side.lines[p + 1]);
            let mix = amplitude.map(|amplitude| {
                let lift = Lift::new(left, &theta.shape, &side.mixes[p], lines.0, lines.1);
                lift.run(&left.data, &theta.data, &mut self.work);
                (lift, amplitude)
            });
            let mix = mix.as_ref().map(|(lift, amplitude)| Mix {
                lift,
                work: &mut self.work,
                line: lines.1,
                amplitude: *amplitude,
            });
            let halves = cut(&theta, &self.charges, limits, mix).map_err(failed)?;
            lost = lost.max(halves.lost);
            let next = left.extended(&halves.left, &side.sites[p], lines, &mut self.work);
            self.left.push(next);
            self.tensors[p] = halves.left;
            self.tensors[p + 1] = halves.right;
        }
        self.tensors = mirrored(&self.tensors, &self.charges);
        std::mem::swap(&mut self.left, &mut self.right);
        Ok((lost, products))
    }

    /// Half a sweep that improves one tensor at a time; returns the number of products.
    fn half_by_one(&mut self, is_back: bool) -> Result<usize, DmrgError> {
        let side = if is_back { &self.back } else { &self.ahead };
        let (n, sweep) = (self.tensors.len(), self.index);
        let stop = Stop {
            steps: self.params.krylov,
            residual: self.residual,
        };
        self.left.clear();
        self.left.push(Environment::end());
        let mut products = 0;
        for p in 0..n - 1 {
            let bond = if is_back { n - 1 - p } else { p + 1 };
            let failed = |NoConvergence| DmrgError::Eigen { bond };
            self.right.truncate(n - p);
            let left = &self.left[p];
            let right = self.right.last().expect("one for each bond to the right");
            let lines = (&side.lines[p], &side.lines[p + 1]);
            let Tensor { shape, data } = &mut self.tensors[p];
            let plan = Lift::new(left, shape, &side.sites[p], lines.0, lines.1);
            let work = &mut self.work;
            let apply = |v: &[T], out: &mut [T]| {
                plan.run(&left.data, v, work);
                close(&plan, shape, right, lines.1, work, out);
            };
            let (energy, steps) = self.krylov.lowest(data, apply, stop).map_err(failed)?;
            if !energy.is_finite() {
                return Err(DmrgError::NotFinite {
                    energy,
                    bond,
                    sweep,
                });
            }
            products += steps;
            let (here, next) =
                pass(&self.tensors[p], &self.tensors[p + 1], &self.charges).map_err(failed)?;
            let environment = left.extended(&here, &side.sites[p], lines, &mut self.work);
            self.left.push(environment);
            self.tensors[p] = here;
            self.tensors[p + 1] = next;
        }
        self.tensors = mirrored(&self.tensors, &self.charges);
        std::mem::swap(&mut self.left, &mut self.right);
        Ok(products)
    }
}

/// Residuals of the first sweep, whose environments are far from those of the ground state.
const START_RESIDUAL: f64 = 1e-2;
/// The error of the energy is about the square of a residual over the gap.
const LEAST_RESIDUAL: f64 = 1e-7;

/// Adds the right environment: $\sum_c V_c R_c$.
fn close<T: Element>(
    plan: &Lift<T>,
    shape: &Shape,
    right: &Environment<T>,
    line: &Line,
    work: &Workspace<T>,
    out: &mut [T],
) {
    for t in &plan.targets {
        let block = &shape.blocks[t.block];
        let (rows, cols) = shape.size(block);
        let inner = t.columns(shape, line);
        let (_, at) = right
            .find(t.class, block.right)
            .expect("a target ends in a pair of sectors");
        T::add_product(
            &mut out[block.offset..],
            Factor::new(&work.lifted[t.offset..], rows, inner),
            Factor::new(&right.data[at..], inner, cols),
            1.0,
        );
    }
}

fn cpu_seconds() -> f64 {
    // All work is done by the calling thread.
    let t = clock_gettime(ClockId::ThreadCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

impl<T: Element> Iterator for Dmrg<T> {
    type Item = Result<Sweep, DmrgError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.phase == Phase::Done {
            return None;
        }
        let sweep = self.sweep();
        if sweep.is_err() {
            self.phase = Phase::Done;
        }
        Some(sweep)
    }
}

/// Runs DMRG to convergence, or to the largest number of sweeps.
///
/// # Errors
/// [`DmrgError`].
///
/// # Panics
/// As [`Dmrg::new`].
#[track_caller]
pub fn ground_state<H: Hamiltonian>(
    hamiltonian: &H,
    params: DmrgParams,
) -> Result<(Mps<H::Elem>, DmrgInfo), DmrgError>
where
    H::Elem: Element,
{
    let mut dmrg = Dmrg::new(hamiltonian, params)?;
    let (mut last, mut truncation, mut cpu_seconds) = (None, 0.0, 0.0);
    for sweep in &mut dmrg {
        let sweep = sweep?;
        cpu_seconds += sweep.cpu_seconds;
        if sweep.sites == 2 {
            truncation = sweep.truncation;
        }
        last = Some(sweep);
    }
    let last = last.expect("at least one sweep");
    let info = DmrgInfo {
        last,
        truncation,
        sweeps: last.index + 1,
        cpu_seconds,
    };
    Ok((dmrg.state(), info))
}
