use super::parse;

/// Text of a bad file, the key its message must begin with, words it must contain.
const BAD: &[(&str, &str, &str)] = &[
    ("", "hamiltonian:", "missing"),
    ("[hamiltonian", "line 1, column 13", "TOML"),
    ("seed = 1\nseed = 2", "line 2", "duplicate"),
    ("[hamiltonian]", "hamiltonian.model:", "missing"),
    ("hamiltonian = 3", "hamiltonian:", "section"),
    ("sead = 3", "sead:", "did you mean \"seed\""),
    ("seed = -1", "seed:", "not negative"),
    ("seed = 1.5", "seed:", "whole number"),
    ("model = \"tfim\"", "model:", "hamiltonian, wavefunction"),
    (
        "[hamiltonian]\nmodel = \"tfmi\"\nCHAIN",
        "hamiltonian.model:",
        "did you mean \"tfim\"",
    ),
    (
        "[hamiltonian]\nmodel = 3\nCHAIN",
        "hamiltonian.model:",
        "a word in quotes",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nCHAIN",
        "hamiltonian.h:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1",
        "hamiltonian.lattice:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = \"1\"\nCHAIN",
        "hamiltonian.h:",
        "a number",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = nan\nCHAIN",
        "hamiltonian.h:",
        "finite",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = -inf\nCHAIN",
        "hamiltonian.h:",
        "finite",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1e308\nCHAIN",
        "hamiltonian.h:",
        "cannot be squared; choose another unit",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1e200, op = \"Z\", sites = [1] }]\nCHAIN",
        "hamiltonian.terms:",
        "cannot be squared",
    ),
    (
        "[sampling]\nmemory_gib = 0",
        "sampling.memory_gib:",
        "positive",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1979-05-27\nCHAIN",
        "hamiltonian.h:",
        "date",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nfrob = 1\nCHAIN",
        "hamiltonian.frob:",
        "j, h, hz, lattice",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\ndelta = 1\nCHAIN",
        "hamiltonian.delta:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nsector = { total_sz = 0 }\nCHAIN",
        "hamiltonian.sector:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nmarshall = true\nCHAIN",
        "hamiltonian.marshall:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nmarshall = 1\nCHAIN",
        "hamiltonian.marshall:",
        "true or false",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = 0\nCHAIN",
        "hamiltonian.sector:",
        "a table",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { charge = 0 }\nCHAIN",
        "hamiltonian.sector.charge:",
        "total_sz",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { total_sz = 0.3 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "multiple of 0.5",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { total_sz = 0.5 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "integer",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nsector = { total_sz = 5 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "impossible",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nlattice = { kind = \"chain\", extent = [9], boundary = \"open\" }",
        "hamiltonian.sector.total_sz:",
        "impossible",
    ),
    (
        "[hamiltonian]\nmodel = \"heisenberg\"\nmarshall = true\nlattice = { kind = \"triangular\", extent = [4, 4], boundary = \"open\" }",
        "hamiltonian.marshall:",
        "marshall = false",
    ),
    (
        "[hamiltonian]\nmodel = \"j1j2\"\nj2 = 0.5\nlattice = { kind = \"chain\", extent = [3], boundary = \"periodic\" }",
        "hamiltonian.lattice.extent:",
        "next-nearest",
    ),
    (
        "[hamiltonian]\nmodel = \"xyz\"\njx = 1\njy = 1\nCHAIN",
        "hamiltonian.jz:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 1\nblockade = \"neerest\"\nCHAIN",
        "hamiltonian.blockade:",
        "did you mean \"nearest\"",
    ),
    (
        "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 1\nblockade = -2\nCHAIN",
        "hamiltonian.blockade:",
        "above 0",
    ),
    (
        "[hamiltonian]\nmodel = \"rydberg\"\ndelta = 1\nblockade = true\nCHAIN",
        "hamiltonian.blockade:",
        "radius",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = []\nCHAIN",
        "hamiltonian.terms:",
        "at least one",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZQ\", sites = [0, 1] }]\nCHAIN",
        "hamiltonian.terms:",
        "'Q'",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZZ\", sites = [0] }]\nCHAIN",
        "hamiltonian.terms:",
        "one site for each letter",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZZ\", sites = [0, 8] }]\nCHAIN",
        "hamiltonian.terms:",
        "site 8",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"ZZ\", sites = [2, 2] }]\nCHAIN",
        "hamiltonian.terms:",
        "twice",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"Z\", sites = [-1] }]\nCHAIN",
        "hamiltonian.terms[0].sites[0]:",
        "not negative",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = nan, op = \"Z\", sites = [1] }]\nCHAIN",
        "hamiltonian.terms[0].c:",
        "finite",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ op = \"Z\", sites = [1] }]\nCHAIN",
        "hamiltonian.terms[0].c:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"pauli\"\nterms = [{ c = 1, op = \"XX\", sites = [0, 1] }]\nsector = { total_sz = 0 }\nCHAIN",
        "hamiltonian.sector.total_sz:",
        "conserve",
    ),
    (
        "[hamiltonian]\nmodel = \"dissipative_tfim\"\nv = 1\nCHAIN",
        "hamiltonian.g:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"toric_code\"\nCHAIN",
        "hamiltonian.lattice.kind:",
        "choose",
    ),
    (
        "[hamiltonian]\nmodel = \"toric_code\"\nlattice = { kind = \"kagome\", extent = [2, 2], boundary = \"periodic\" }",
        "hamiltonian.lattice.kind:",
        "choose",
    ),
    (
        "[hamiltonian]\nmodel = \"toric_code\"\nlattice = { kind = \"square\", extent = [1, 1], boundary = \"periodic\" }",
        "hamiltonian.lattice.extent:",
        "at least 2",
    ),
    (
        "[hamiltonian]\nmodel = \"x_cube\"\nlattice = { kind = \"square\", extent = [2, 2], boundary = \"periodic\" }",
        "hamiltonian.lattice.kind:",
        "choose",
    ),
    (
        "[hamiltonian]\nmodel = \"x_cube\"\nhx = 1\nlattice = { kind = \"cubic\", extent = [2, 2, 2], boundary = \"periodic\" }",
        "hamiltonian.hx:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"z2_gauge\"\ng = 1\nlattice = { kind = \"triangular\", extent = [2, 2], boundary = \"periodic\" }",
        "hamiltonian.lattice.kind:",
        "choose",
    ),
    (
        "[hamiltonian]\nmodel = \"z2_gauge\"\ng = 1\nlattice = { kind = \"square\", extent = [4, 1], boundary = \"periodic\" }",
        "hamiltonian.lattice.extent:",
        "at least 2",
    ),
    (
        "[hamiltonian]\nmodel = \"z2_gauge\"\nlattice = { kind = \"square\", extent = [4, 4], boundary = \"periodic\" }",
        "hamiltonian.g:",
        "missing",
    ),
    (
        "[hamiltonian]\nmodel = \"quantum_link\"\nm = 1\nlattice = { kind = \"chain\", extent = [7], boundary = \"periodic\" }",
        "hamiltonian.lattice.extent:",
        "even number",
    ),
    (
        "[hamiltonian]\nmodel = \"quantum_link\"\nm = 1\nlattice = { kind = \"chain\", extent = [7], boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "even number",
    ),
    (
        "[hamiltonian]\nmodel = \"quantum_link\"\nm = 1\nlattice = { kind = \"square\", extent = [4, 4], boundary = \"periodic\" }",
        "hamiltonian.lattice.kind:",
        "choose",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nlattice = { kind = \"ladder\", extent = [4, 2], boundary = \"periodic\" }",
        "hamiltonian.lattice.kind:",
        "choose",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nlattice = { kind = \"chain\", extent = [2], boundary = \"periodic\" }",
        "hamiltonian.lattice.extent:",
        "at least 3",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nk = 4\nlattice = { kind = \"chain\", extent = [7], boundary = \"periodic\" }",
        "hamiltonian.lattice.extent:",
        "even number",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nk = 1\nlattice = { kind = \"chain\", extent = [6], boundary = \"periodic\" }",
        "hamiltonian.k:",
        "2 or more",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nk = 1001\nlattice = { kind = \"chain\", extent = [6], boundary = \"periodic\" }",
        "hamiltonian.k:",
        "choose another level",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\ntheta = nan\nlattice = { kind = \"chain\", extent = [6], boundary = \"periodic\" }",
        "hamiltonian.theta:",
        "finite",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nsector = { charge = 0 }\nlattice = { kind = \"chain\", extent = [6], boundary = \"periodic\" }",
        "hamiltonian.sector.charge:",
        "leave it out",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nsector = { charge = 0.3 }\nlattice = { kind = \"chain\", extent = [6], boundary = \"open\" }",
        "hamiltonian.sector.charge:",
        "multiple of 0.5",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nsector = { charge = -1 }\nlattice = { kind = \"chain\", extent = [6], boundary = \"open\" }",
        "hamiltonian.sector.charge:",
        "from 0 on",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nsector = { charge = 2 }\nlattice = { kind = \"chain\", extent = [6], boundary = \"open\" }",
        "hamiltonian.sector.charge:",
        "choose a charge",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nk = 20\nsector = { charge = 4 }\nlattice = { kind = \"chain\", extent = [6], boundary = \"open\" }",
        "hamiltonian.sector.charge:",
        "choose a charge",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nk = 20\nsector = { charge = 0.5 }\nlattice = { kind = \"chain\", extent = [6], boundary = \"open\" }",
        "hamiltonian.sector.charge:",
        "choose a charge",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nsector = { total_sz = 0 }\nlattice = { kind = \"chain\", extent = [6], boundary = \"open\" }",
        "hamiltonian.sector.total_sz:",
        "charge",
    ),
    (
        "[hamiltonian]\nmodel = \"toric_code\"\nk = 3\nCHAIN",
        "hamiltonian.k:",
        "unknown key",
    ),
    (
        "[hamiltonian]\nmodel = \"golden_chain\"\nk = -3\nCHAIN",
        "hamiltonian.k:",
        "not negative",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chian\", extent = [8], boundary = \"open\" }",
        "hamiltonian.lattice.kind:",
        "did you mean \"chain\"",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [-3], boundary = \"open\" }",
        "hamiltonian.lattice.extent[0]:",
        "`-3`",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [0], boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "at least 1",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = 8, boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "a list",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [4, 4], boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "directions",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"square\", extent = [9999999999, 9999999999], boundary = \"open\" }",
        "hamiltonian.lattice.extent:",
        "smaller",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"cubic\", extent = [2, 2, 2], boundary = [\"open\", \"open\"] }",
        "hamiltonian.lattice.boundary:",
        "directions",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [8], boundary = \"closed\" }",
        "hamiltonian.lattice.boundary:",
        "open, periodic",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"chain\", extent = [8], boundary = 1 }",
        "hamiltonian.lattice.boundary:",
        "one for each direction",
    ),
    (
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1\nlattice = { kind = \"square\", extent = [2, 3], boundary = [\"open\", \"x\"] }",
        "hamiltonian.lattice.boundary[1]:",
        "open, periodic",
    ),
    (
        "[wavefunction]\nnetwork = \"cnn\"",
        "wavefunction.network:",
        "transformer",
    ),
    (
        "[wavefunction]\nlayers = 0",
        "wavefunction.layers:",
        "at least 1",
    ),
    (
        "[wavefunction]\nwidth = 10\nheads = 4",
        "wavefunction.heads:",
        "divide",
    ),
    (
        "[wavefunction]\nsymmetry = [\"spin_flip\", \"spin_flip\"]",
        "wavefunction.symmetry:",
        "once",
    ),
    (
        "[wavefunction]\nsymmetry = \"spin_flip\"",
        "wavefunction.symmetry:",
        "a list",
    ),
    (
        "[optimizer]\nlearning_rate = 0",
        "optimizer.learning_rate:",
        "positive",
    ),
    (
        "[optimizer]\nshift = -1e-3",
        "optimizer.shift:",
        "0 or more",
    ),
    (
        "[optimizer]\nstep = 3",
        "optimizer.step:",
        "did you mean \"steps\"",
    ),
    ("[optimizer]\nsteps = 0", "optimizer.steps:", "at least 1"),
    ("[sampling]\nsamples = 0", "sampling.samples:", "at least 2"),
    (
        "[sampling]\nsamples = 1e3",
        "sampling.samples:",
        "whole number",
    ),
    (
        "[sampling]\nsampler = \"gibbs\"",
        "sampling.sampler:",
        "ancestral, metropolis, full_sum",
    ),
    (
        "[evolution]\ntimes = [0.2, 0.1]",
        "evolution.times:",
        "later",
    ),
    (
        "[evolution]\ntimes = [-0.2, 0.1]",
        "evolution.times:",
        "from 0",
    ),
    (
        "[evolution]\ntimes = [0.1, nan]",
        "evolution.times[1]:",
        "finite",
    ),
    (
        "[evolution]\nobservables = [\"mean_sq\"]",
        "evolution.observables[0]:",
        "mean_sx",
    ),
    ("[evolution]\ndt = 0.0", "evolution.dt:", "positive"),
    ("[lindblad]\ngamma = -1.0", "lindblad.gamma:", "0 or more"),
    ("[monte_carlo]\nbeta = 0", "monte_carlo.beta:", "positive"),
    (
        "[monte_carlo]\nthermalization = 0",
        "monte_carlo.thermalization:",
        "at least 1",
    ),
    (
        "[monte_carlo]\nsweeps = 10\nbins = 20",
        "monte_carlo.bins:",
        "sweep",
    ),
    (
        "[monte_carlo]\ntempering = { parameter = \"beta\", values = [1] }",
        "monte_carlo.tempering.values:",
        "two",
    ),
    (
        "[monte_carlo]\ntempering = { parameter = \"h\", values = [1, 2] }",
        "monte_carlo.tempering.parameter:",
        "beta, delta",
    ),
    ("[diffusion]\nqubits = 0", "diffusion.qubits:", "at least 1"),
    ("diffusion = []", "diffusion:", "a table"),
];

#[test]
fn every_bad_file_is_refused_in_one_line_that_names_the_key_and_the_remedy() {
    for (text, key, words) in BAD {
        let error = match parse(text) {
            Err(error) => error.to_string(),
            Ok(run) => panic!("accepted:\n{text}\n{run:?}"),
        };
        assert!(
            error.starts_with(key),
            "{error:?} does not begin with {key:?} for\n{text}"
        );
        assert!(
            error.contains(words),
            "{error:?} does not say {words:?} for\n{text}"
        );
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
