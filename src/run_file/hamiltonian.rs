use super::models::{
    BlockadeName, DissipativeTfimKeys, FusionSector, GoldenChainKeys, HeisenbergKeys, J1J2Keys,
    PauliKeys, QuantumLinkKeys, RydbergKeys, SpinSector, TfimKeys, ToricCodeKeys, XCubeKeys,
    XxzKeys, XyzKeys, Z2GaugeKeys,
};
use super::{LatticeSection, Observable, RunFileError, node};
use ketwork_hamiltonians::{
    AnyModel, GoldenChain, Hamiltonian, Heisenberg, J1J2, Lattice, LatticeKind, Links, LocalSum,
    Model, ModelError, PauliSum, PauliTerm, QuantumLink, Rydberg, RydbergBlockade, Scalar, Tfim,
    ToricCode, XCube, Xxz, Xyz, Z2Gauge,
};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use toml::Value;

/// Largest energy that is accepted: its square, times numbers of samples, is far from the largest double.
const LARGEST_ENERGY: f64 = 1e140;

/// Declares the models: variant, word in the run file, keys.
macro_rules! models {
    ($($variant:ident $word:literal $keys:ident,)+) => {
        #[derive(Clone, Copy, Deserialize)]
        enum ModelName { $(#[serde(rename = $word)] $variant,)+ }

        /// `[hamiltonian]`: a model, its couplings, sector and lattice.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "model")]
        pub enum HamiltonianSection {
            $(
                #[doc = concat!("`model = \"", $word, "\"`.")]
                #[serde(rename = $word)]
                $variant($keys),
            )+
        }

        impl HamiltonianSection {
            /// Reads the section; `model` decides which other keys there may be.
            pub(super) fn read(value: Value) -> Result<Self, RunFileError> {
                let Value::Table(mut table) = value else {
                    return Err(RunFileError::wrong_type(value.type_str(), "a section, [hamiltonian]")
                        .within("hamiltonian"));
                };
                let missing = || RunFileError::MissingKey { key: "hamiltonian.model".into() };
                let name = table.remove("model").ok_or_else(missing)?;
                let rest = Value::Table(table);
                Ok(match node::read("hamiltonian.model", name)? {
                    $(ModelName::$variant => Self::$variant(node::read("hamiltonian", rest)?),)+
                })
            }

            /// The model's word in run files.
            #[must_use]
            pub fn model(&self) -> &'static str {
                match self { $(Self::$variant(_) => $word,)+ }
            }

            /// The lattice as written.
            #[must_use]
            pub fn lattice(&self) -> &LatticeSection {
                match self { $(Self::$variant(keys) => &keys.lattice,)+ }
            }
        }
    };
}

models! {
    Tfim "tfim" TfimKeys,
    Heisenberg "heisenberg" HeisenbergKeys,
    J1J2 "j1j2" J1J2Keys,
    Xxz "xxz" XxzKeys,
    Xyz "xyz" XyzKeys,
    ToricCode "toric_code" ToricCodeKeys,
    XCube "x_cube" XCubeKeys,
    Z2Gauge "z2_gauge" Z2GaugeKeys,
    QuantumLink "quantum_link" QuantumLinkKeys,
    GoldenChain "golden_chain" GoldenChainKeys,
    Rydberg "rydberg" RydbergKeys,
    DissipativeTfim "dissipative_tfim" DissipativeTfimKeys,
    Pauli "pauli" PauliKeys,
}

impl HamiltonianSection {
    /// The lattice and the model on it.
    ///
    /// # Errors
    /// [`RunFileError`] where lattice, couplings and sector do not fit each other, or the model is
    /// not available in this version.
    pub fn build(&self) -> Result<(Lattice, AnyModel), RunFileError> {
        let lattice = self.lattice().build()?;
        let model = match self {
            Self::Tfim(k) => Tfim {
                j: k.j,
                h: k.h,
                hz: k.hz,
            }
            .on(&lattice)
            .map(AnyModel::Real),
            Self::Heisenberg(k) => {
                let twice_sz = twice_sz(k.sector)?.unwrap_or(0);
                Heisenberg {
                    j: k.j,
                    twice_sz,
                    marshall: k.marshall,
                }
                .on(&lattice)
                .map(AnyModel::Real)
            }
            Self::J1J2(k) => {
                let twice_sz = twice_sz(k.sector)?.unwrap_or(0);
                let model = J1J2 {
                    j1: k.j1,
                    j2: k.j2,
                    twice_sz,
                    marshall: k.marshall,
                };
                model.on(&lattice).map(AnyModel::Real)
            }
            Self::Xxz(k) => {
                let twice_sz = twice_sz(k.sector)?.unwrap_or(0);
                let model = Xxz {
                    delta: k.delta,
                    twice_sz,
                    marshall: k.marshall,
                };
                model.on(&lattice).map(AnyModel::Real)
            }
            Self::Xyz(k) => {
                let (jx, jy, jz) = (k.jx, k.jy, k.jz);
                let model = Xyz {
                    jx,
                    jy,
                    jz,
                    hx: k.hx,
                    hy: k.hy,
                    hz: k.hz,
                }
                .on(&lattice);
                rotate_if(k.marshall, model, &lattice)
            }
            Self::Rydberg(k) => {
                let blockade = match k.blockade {
                    BlockadeName::Nearest => RydbergBlockade::Nearest,
                    BlockadeName::Radius(r) => RydbergBlockade::Radius(r),
                    BlockadeName::None => RydbergBlockade::None,
                };
                let model = Rydberg {
                    omega: k.omega,
                    delta: k.delta,
                    c6: k.c6,
                    blockade,
                };
                model.on(&lattice).map(AnyModel::Real)
            }
            Self::Pauli(k) => {
                if k.terms.is_empty() {
                    let reason =
                        "no term; write at least one { c = .., op = \"..\", sites = [..] }";
                    return Err(RunFileError::value("hamiltonian.terms", reason));
                }
                let term = |t: &super::PauliTerm| PauliTerm::new(t.c, &t.op, &t.sites);
                let terms = k
                    .terms
                    .iter()
                    .map(term)
                    .collect::<Result<_, _>>()
                    .map_err(refused)?;
                let sum = PauliSum {
                    terms,
                    twice_sz: twice_sz(k.sector)?,
                };
                rotate_if(k.marshall, sum.on(&lattice), &lattice)
            }
            Self::ToricCode(k) => of_squares(&lattice)
                .and_then(|lattice| ToricCode { hx: k.hx, hz: k.hz }.on(lattice))
                .map(AnyModel::Real),
            Self::XCube(_) => XCube.on(&lattice).map(AnyModel::Real),
            Self::Z2Gauge(k) => of_squares(&lattice)
                .and_then(|lattice| Z2Gauge::new(k.g).on(lattice))
                .map(AnyModel::Real),
            Self::QuantumLink(k) => {
                let model = QuantumLink {
                    w: k.w,
                    m: k.m,
                    g: k.g,
                };
                model.on(&lattice).map(AnyModel::Real)
            }
            Self::GoldenChain(k) => {
                let model = GoldenChain {
                    theta: k.theta,
                    level: k.k,
                    twice_charge: twice_charge(k.sector)?,
                };
                model.on(&lattice).map(AnyModel::Real)
            }
            // The signs and factors of the dissipative literature: H = (v/4) sum ZZ + (g/2) sum X.
            Self::DissipativeTfim(k) => Tfim {
                j: -0.25 * k.v,
                h: -0.5 * k.g,
                hz: 0.0,
            }
            .on(&lattice)
            .map(AnyModel::Real),
        };
        let model = model.map_err(refused)?;
        match &model {
            AnyModel::Real(model) => self.check_size(model.terms())?,
            AnyModel::Complex(model) => self.check_size(model.terms())?,
        }
        Ok((lattice, model))
    }

    /// Refuses energies whose squares, which a variance needs, are no finite numbers.
    fn check_size<T: Scalar>(&self, sum: &LocalSum<T>) -> Result<(), RunFileError> {
        let bound = sum.norm_bound();
        if bound <= LARGEST_ENERGY {
            return Ok(());
        }
        let size = |c: &&(String, f64)| c.1.abs();
        let largest = sum
            .couplings()
            .iter()
            .max_by(|a, b| size(a).total_cmp(&size(b)));
        let keys = serde_json::to_value(self).unwrap_or_default();
        let key = match largest {
            Some((name, _)) if keys.get(name).is_some() => format!("hamiltonian.{name}"),
            _ if keys.get("terms").is_some() => "hamiltonian.terms".to_owned(),
            _ => "hamiltonian".to_owned(),
        };
        let reason = format!(
            "energies up to {bound:.1e} cannot be squared; choose another unit, so that they stay below \
             {LARGEST_ENERGY:.0e}"
        );
        Err(RunFileError::value(&key, reason))
    }

    /// The operator of an observable on the sites of this model, means taken over sites, bonds or
    /// links; `None` for what the model does not have.
    ///
    /// Links of the codes and of the Z2 gauge theory are qubits: for these the means of X, Y and Z
    /// exist, in the letters of the Hamiltonian. The labels of anyons are no qubits.
    ///
    /// # Errors
    /// [`RunFileError`] where the lattice is not one on which the model is built.
    pub fn observable(
        &self,
        what: Observable,
        lattice: &Lattice,
    ) -> Result<Option<LocalSum<Complex64>>, RunFileError> {
        let operator = match self {
            Self::ToricCode(_) | Self::XCube(_) | Self::Z2Gauge(_) => {
                let links = Links::new(lattice).map_err(RunFileError::Lattice)?;
                let electric = matches!(self, Self::Z2Gauge(_));
                what.on_links(links.n_links(), electric)
            }
            Self::QuantumLink(_) => {
                let sum = match what {
                    Observable::ParticleDensity => QuantumLink::particle_density(lattice),
                    Observable::Flux => QuantumLink::flux(lattice),
                    _ => return Ok(None),
                };
                return Ok(Some(sum.map_err(refused)?.to_complex()));
            }
            Self::GoldenChain(_) => return Ok(None),
            _ => what.on(lattice, self.is_rotated()),
        };
        operator.map_err(|e| refused(e.into()))
    }

    /// Whether the sites are qubits of which the means of X, Y and Z are observables.
    #[must_use]
    pub fn has_qubits(&self) -> bool {
        !matches!(self, Self::QuantumLink(_) | Self::GoldenChain(_))
    }

    /// Whether one sublattice is rotated: X and Y of that sublattice then change sign in
    /// observables too.
    #[must_use]
    pub fn is_rotated(&self) -> bool {
        match self {
            Self::Heisenberg(k) => k.marshall,
            Self::J1J2(k) => k.marshall,
            Self::Xxz(k) => k.marshall,
            Self::Xyz(k) => k.marshall,
            Self::Pauli(k) => k.marshall,
            _ => false,
        }
    }
}

/// The lattices of codes and gauge theories in run files; the library knows others.
fn of_squares(lattice: &Lattice) -> Result<&Lattice, ModelError> {
    let kind = lattice.kind();
    match kind {
        LatticeKind::Square | LatticeKind::Cubic => Ok(lattice),
        _ => Err(ModelError::Parameter {
            key: "lattice.kind",
            reason: format!(
                "run files of this model take no {:?} lattice; choose \"square\" or \"cubic\"",
                kind.name()
            ),
        }),
    }
}

/// 2 S^z as an integer.
fn twice_sz(sector: Option<SpinSector>) -> Result<Option<i64>, RunFileError> {
    let Some(SpinSector { total_sz }) = sector else {
        return Ok(None);
    };
    let twice = 2.0 * total_sz;
    if twice.fract() != 0.0 || twice.abs() > 1e9 {
        let reason = format!("{total_sz:?} is no spin of these sites; write a multiple of 0.5");
        return Err(RunFileError::value("hamiltonian.sector.total_sz", reason));
    }
    Ok(Some(twice as i64))
}

/// 2 j as an integer.
fn twice_charge(sector: Option<FusionSector>) -> Result<Option<usize>, RunFileError> {
    let Some(FusionSector { charge }) = sector else {
        return Ok(None);
    };
    let twice = 2.0 * charge;
    if twice.fract() != 0.0 || !(0.0..=1e9).contains(&twice) {
        let reason = format!("{charge:?} is no spin; write a multiple of 0.5 from 0 on");
        return Err(RunFileError::value("hamiltonian.sector.charge", reason));
    }
    Ok(Some(twice as usize))
}

fn rotate_if(
    asked: bool,
    model: Result<AnyModel, ModelError>,
    lattice: &Lattice,
) -> Result<AnyModel, ModelError> {
    if !asked {
        return model;
    }
    let marked = lattice.sublattice().ok_or_else(|| ModelError::Parameter {
        key: "marshall",
        reason: "this lattice has no two sublattices; write marshall = false".into(),
    })?;
    Ok(match model? {
        AnyModel::Real(m) => AnyModel::Real(Model::new(
            m.terms().rotated_by_z(&marked),
            m.sector().clone(),
        )?),
        AnyModel::Complex(m) => AnyModel::Complex(Model::new(
            m.terms().rotated_by_z(&marked),
            m.sector().clone(),
        )?),
    })
}

/// The zoo names its parameters; here they get their place in the file.
fn refused(error: ModelError) -> RunFileError {
    match error {
        ModelError::Parameter {
            key: "total_sz",
            reason,
        } => RunFileError::value("hamiltonian.sector.total_sz", reason),
        ModelError::Parameter { key, reason } => {
            RunFileError::value(&format!("hamiltonian.{key}"), reason)
        }
        ModelError::Lattice(e) => RunFileError::Lattice(e),
        source @ ModelError::Operator(_) => RunFileError::Model {
            key: "terms",
            source,
        },
        source => RunFileError::Model {
            key: "sector",
            source,
        },
    }
}
