//! The book's and the README's code, compiled and run as doc tests; compiled for nothing else.

/// Makes every chapter a doc test of its own.
macro_rules! chapters {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(#[doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file))] struct $name;)*
    };
}

chapters! {
    Readme = "README.md",
    Introduction = "book/src/introduction.md",
    GroundState = "book/src/ground_state.md",
    Conventions = "book/src/conventions.md",
    Exact = "book/src/exact.md",
    TensorNetworks = "book/src/tensor_networks.md",
    Dynamics = "book/src/dynamics.md",
    Pde = "book/src/pde.md",
    Open = "book/src/open.md",
    Sse = "book/src/sse.md",
    Diffusion = "book/src/diffusion.md",
    Observables = "book/src/observables.md",
    RunFiles = "book/src/run_files.md",
    Python = "book/src/python.md",
    Symmetries = "book/src/symmetries.md",
    ToricCode = "book/src/toric_code.md",
    Gauge = "book/src/gauge.md",
    Anyons = "book/src/anyons.md",
    Reproducibility = "book/src/reproducibility.md",
    AddModel = "book/src/add_model.md",
    AddConstraint = "book/src/add_constraint.md",
    AddNetwork = "book/src/add_network.md",
    Results = "book/src/results.md",
    NetKet = "book/src/netket.md",
    Architecture = "book/src/architecture.md",
}

#[cfg(feature = "burn")]
chapters! {
    CustomNetwork = "book/src/custom_network.md",
}

#[cfg(feature = "wgpu")]
chapters! {
    Gpu = "book/src/gpu.md",
}
