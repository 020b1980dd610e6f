//! Monte Carlo examples: what they report, what they refuse, and how they fail.

use crate::prelude::example;
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs an example on a ring of 8 with this model and `[monte_carlo]` section, `--json`.
fn run(name: &str, model: &str, section: &str, flags: &str) -> Output {
    let dir = TempDir::new().unwrap();
    let lattice = "lattice = { kind = \"chain\", extent = [8], boundary = \"periodic\" }";
    let text = format!("seed = 3\n[hamiltonian]\n{model}\n{lattice}\n[monte_carlo]\n{section}\n");
    fs::write(dir.path().join("run.toml"), text).unwrap();
    Command::new(example(name))
        .current_dir(dir.path())
        .args(["run.toml", "--json"])
        .args(flags.split_whitespace())
        .output()
        .unwrap()
}

/// The last line of standard error of a run that must end with `code` and without a result.
#[track_caller]
fn failed(out: &Output, code: i32) -> String {
    let message = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(code), "{message}");
    assert!(out.stdout.is_empty(), "a failed run has no result");
    message.trim_end().lines().last().unwrap().to_owned()
}

const RYDBERG: &str = "model = \"rydberg\"\ndelta = 1.0";

#[test]
fn a_cut_off_that_stayed_too_short_ends_with_3_and_names_the_remedy() {
    let section = "beta = 20.0\nthermalization = 1\nsweeps = 4000";
    let last = failed(&run("rydberg_chain", RYDBERG, section, "--out d"), 3);
    for part in ["32 slots", "thermalization = 1000", "checkpoint"] {
        assert!(last.contains(part), "{last}");
    }
    // The same thermalisation reaches the snapshots that a network learns from.
    let last = failed(&run("rydberg_loop", RYDBERG, section, ""), 3);
    assert!(last.contains("thermalization = 1000"), "{last}");
}

#[test]
fn stories_that_exchange_no_replicas_of_the_users_refuse_a_ladder() {
    let section = "beta = 2.0\ntempering = { parameter = \"beta\", values = [1.0, 2.0] }";
    for name in ["rydberg_loop", "kagome_rydberg"] {
        let last = failed(&run(name, RYDBERG, section, "--quick"), 2);
        for part in [name, "monte_carlo.tempering", "leave it out"] {
            assert!(last.contains(part), "{last}");
        }
    }
}

#[test]
fn exchange_models_report_the_acceptance_of_their_loops() {
    let section = "beta = 2.0\nthermalization = 100\nsweeps = 400";
    let out = run("rydberg_chain", "model = \"heisenberg\"", section, "");
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8_lossy(&out.stdout);
    let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let rate = line["acceptance"]["segments"].as_f64().unwrap();
    assert!(rate > 0.0 && rate <= 1.0, "{line}");
}
