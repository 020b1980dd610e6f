use super::*;

fn run(toml: &str) -> GroundStateRun {
    GroundStateRun::new(toml.parse().unwrap()).unwrap()
}

fn ring(n: usize) -> String {
    format!(
        "[hamiltonian]\nmodel = \"tfim\"\nh = 1.0\n\
         lattice = {{ kind = \"chain\", extent = [{n}], boundary = \"periodic\" }}\n"
    )
}

#[test]
fn a_twin_that_was_asked_for_and_does_not_fit_is_refused_before_the_first_step() {
    // 2^48 configurations need 2 PiB for one vector.
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("twin");
    let options = RunOptions {
        out: Some(out.clone()),
        exact: true,
        ..RunOptions::default()
    };
    let error = run(&ring(48)).run(&options).unwrap_err();
    assert!(matches!(error, RunError::Exact(_)), "{error}");
    assert!(error.is_input(), "exit code 2");
    assert!(error.to_string().contains("leave out --exact"), "{error}");
    assert!(!out.exists(), "nothing was started");
}
