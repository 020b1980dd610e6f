//! Whole runs of the example `ground_state`: threads, resumption, interruption, refusals.

use crate::prelude::example;
use ketwork::{Checkpoint, RunFile, without_timing};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const CHECKPOINT: &str = "checkpoint.safetensors";

/// Milliseconds a step.
const RING: &str = r#"
seed = 3
[hamiltonian]
model = "tfim"
h = 1.0
lattice = { kind = "chain", extent = [8], boundary = "periodic" }
[wavefunction]
network = "transformer"
[sampling]
samples = 200
"#;

/// Markov chains, whose state is more than a counter.
fn chains() -> String {
    let sampler = "sampler = \"metropolis\"\n[optimizer]\nmethod = \"adam\"\n";
    RING.replace("transformer", "rbm") + sampler
}

/// A complex Hamiltonian, and a mixture of even networks over translations.
fn wider() -> [String; 2] {
    let fields = "model = \"xyz\"\njx = 1.0\njy = 0.5\njz = 0.7\nhy = 0.3";
    let words = "network = \"gru\"\nsymmetry = [\"translation\", \"spin_flip\"]";
    [
        RING.replace("model = \"tfim\"\nh = 1.0", fields),
        RING.replace("network = \"transformer\"", words),
    ]
}

/// A directory with a run file.
struct Place {
    dir: TempDir,
    text: String,
}

impl Place {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("run.toml"), text).unwrap();
        Self {
            dir,
            text: text.to_owned(),
        }
    }

    fn command(&self, flags: &str) -> Command {
        self.command_of("ground_state", flags)
    }

    fn command_of(&self, name: &str, flags: &str) -> Command {
        let mut command = Command::new(example(name));
        command
            .current_dir(self.dir.path())
            .args(["run.toml", "--json"]);
        command.args(flags.split_whitespace());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, flags: &str) -> Output {
        self.command(flags).output().unwrap()
    }

    /// The JSON line of a run that must succeed.
    #[track_caller]
    fn ok(&self, flags: &str) -> Value {
        let out = self.run(flags);
        let (text, errors) = (String::from_utf8_lossy(&out.stdout), message(&out));
        assert!(out.status.success(), "{flags}: {errors}");
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }

    /// The message of a run that must be refused, in one line, without changing a file.
    #[track_caller]
    fn refused(&self, flags: &str) -> String {
        let before = contents(self.dir.path());
        let out = self.run(flags);
        let message = message(&out);
        assert_eq!(out.status.code(), Some(2), "{flags}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
        assert!(out.stdout.is_empty(), "a refused run has no result");
        assert!(
            before == contents(self.dir.path()),
            "{flags}: a file has changed"
        );
        message
    }

    fn log(&self, out: &str) -> String {
        fs::read_to_string(self.dir.path().join(out).join("log.jsonl")).unwrap_or_default()
    }

    /// What must agree bit for bit: steps of the log, parameters, state of solver and sampler.
    fn state(&self, out: &str) -> (Vec<String>, Vec<Vec<u64>>) {
        // The manifests differ in the number of steps asked for.
        let steps = without_timing(&self.log(out)).split_off(1);
        let fingerprint = self.text.parse::<RunFile>().unwrap().fingerprint();
        let path = self.dir.path().join(out).join(CHECKPOINT);
        let saved = Checkpoint::load(&path, &fingerprint).unwrap();
        let bits = |k| {
            saved
                .array(k)
                .unwrap()
                .iter()
                .map(|v| v.to_bits())
                .collect()
        };
        (steps, saved.array_names().map(bits).collect())
    }
}

fn message(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// Names and bytes of all files below a directory.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn runs_are_the_same_bits_with_one_and_two_threads() {
    for text in [RING.to_owned(), chains()].into_iter().chain(wider()) {
        let place = Place::new(&text);
        let one = place.ok("--steps 8 --threads 1 --out one");
        let two = place.ok("--steps 8 --threads 2 --out two");
        let (first, second) = (place.log("one"), place.log("two"));
        assert_eq!(without_timing(&first), without_timing(&second));
        assert_eq!(
            without_timing(&first).len(),
            9,
            "a manifest and eight steps"
        );
        assert_eq!(place.state("one"), place.state("two"));
        for key in ["energy", "energy_error", "variance", "exact", "v_score"] {
            assert_eq!(one[key].to_string(), two[key].to_string(), "{key}");
        }
    }
}

#[test]
fn batches_of_many_blocks_are_the_same_bits_with_one_and_two_threads() {
    // Several blocks of networks and of local energies, and a Gram matrix in single precision.
    for method in ["minsr", "spring"] {
        let words = format!("samples = 1200\n[optimizer]\nmethod = \"{method}\"\n");
        let text = RING
            .replace("[8]", "[16]")
            .replace(
                "network = \"transformer\"",
                "network = \"transformer\"\nwidth = 32",
            )
            .replace("samples = 200", &words);
        let place = Place::new(&text);
        let one = place.ok("--steps 1 --threads 1 --out one");
        let two = place.ok("--steps 1 --threads 2 --out two");
        assert_eq!(place.state("one"), place.state("two"));
        assert_eq!(one["energy"].to_string(), two["energy"].to_string());
        let step: Value = serde_json::from_str(place.log("one").lines().nth(1).unwrap()).unwrap();
        let refinements = step["solve"]["refinements"].as_u64().unwrap();
        assert!(refinements > 0, "{method}: not in single precision: {step}");
    }
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one() {
    for text in [RING.to_owned(), chains()].into_iter().chain(wider()) {
        let place = Place::new(&text);
        let whole = place.ok("--steps 9 --out whole");
        place.ok("--steps 4 --out parts");
        let parts = place.ok("--steps 9 --out parts --resume --threads 1");
        assert_eq!(place.state("whole"), place.state("parts"));
        assert_eq!(whole["energy"].to_string(), parts["energy"].to_string());
    }
}

#[test]
fn a_run_killed_after_its_checkpoint_repeats_no_step_in_its_log() {
    let place = Place::new(RING);
    place.ok("--steps 9 --out whole");
    place.ok("--steps 3 --out killed");
    // A crash at step 6 leaves the log ahead of the checkpoint, its last line torn.
    let log = place.log("whole");
    let ahead = log.lines().take(7).collect::<Vec<_>>().join("\n") + "\n{\"step\": 7, \"ene";
    fs::write(place.dir.path().join("killed/log.jsonl"), ahead).unwrap();
    place.ok("--steps 9 --out killed --resume");
    assert_eq!(place.state("whole"), place.state("killed"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_a_checkpoint_from_which_it_continues() {
    let place = Place::new(RING);
    let child = place
        .command("--steps 1000000 --out stopped")
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while place.log("stopped").lines().count() < 4 {
        assert!(Instant::now() < deadline, "the run does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}", message(&out));
    assert!(message(&out).contains("--resume"), "{}", message(&out));
    assert!(out.stdout.is_empty(), "an interrupted run has no result");
    let steps = place.state("stopped").0.len() + 3;
    let resumed = place.ok(&format!("--steps {steps} --out stopped --resume"));
    let whole = place.ok(&format!("--steps {steps} --out whole"));
    assert_eq!(place.state("whole"), place.state("stopped"));
    assert_eq!(whole["energy"].to_string(), resumed["energy"].to_string());
}

#[test]
fn a_run_that_fails_on_the_way_ends_with_3_and_names_quantity_and_time() {
    let text = RING.replace("[8]", "[4]")
        + "[evolution]\nmethod = \"tdvp\"\nintegrator = \"euler\"\ninitial = \"plus_x\"\ndt = 1e300\ntimes = [1e300]\n";
    let place = Place::new(&text);
    let mut command = place.command_of("quench", "--quick");
    let out = command.output().unwrap();
    let message = message(&out);
    assert_eq!(out.status.code(), Some(3), "{message}");
    let last = message.trim_end().lines().last().unwrap();
    for part in ["t = ", "is not finite", "lower"] {
        assert!(last.contains(part), "{message}");
    }
    assert!(out.stdout.is_empty(), "a failed run has no result");
}

#[test]
fn quick_runs_refuse_what_the_file_asks_for_beyond_the_memory() {
    // More configurations than would be summed.
    let solver = RING.replace("[8]", "[12]").replace(
        "samples = 200",
        "samples = 40000\n[optimizer]\nmethod = \"spring\"",
    );
    for (text, key) in [
        (RING.replace("200", "100000000000"), "sampling.samples"),
        (solver, "optimizer.method"),
    ] {
        let place = Place::new(&text);
        for flags in ["", "--quick"] {
            let refused = place.refused(flags);
            assert!(
                refused.contains(key) && refused.contains("GiB"),
                "{refused}"
            );
        }
    }
}

#[test]
fn bad_run_files_and_flags_end_with_2_and_name_key_and_remedy() {
    let heisenberg = RING.replace("model = \"tfim\"\nh = 1.0", "model = \"heisenberg\"");
    let pauli = |terms: &str| {
        RING.replace(
            "model = \"tfim\"\nh = 1.0",
            &format!("model = \"pauli\"\nterms = [{terms}]"),
        )
    };
    for (text, key, remedy) in [
        (
            RING.replace("h = 1.0", "field = 1.0"),
            "hamiltonian.field",
            "unknown key",
        ),
        (
            RING.replace("h = 1.0", "h = nan"),
            "hamiltonian.h",
            "finite",
        ),
        (
            RING.replace("h = 1.0", "h = 1e308"),
            "hamiltonian.h",
            "unit",
        ),
        (RING.replace("200", "0"), "sampling.samples", "at least 2"),
        (heisenberg.replace("[8]", "[7]"), "sector", "total_sz"),
        (
            heisenberg + "sector = { total_sz = 0 }\n",
            "sampling.sector",
            "unknown",
        ),
        (
            pauli("{ c = 1.0, op = \"ZZ\", sites = [3, 8] }"),
            "hamiltonian",
            "0 to 7",
        ),
        (
            pauli("{ c = 1.0, op = \"ZZ\", sites = [3, 3] }"),
            "hamiltonian",
            "twice",
        ),
    ] {
        let message = Place::new(&text).refused("--out out");
        assert!(message.contains("run.toml: "), "{message}");
        assert!(
            message.contains(key) && message.contains(remedy),
            "{message}"
        );
    }
    let place = Place::new(RING);
    for (flags, key) in [
        ("--samples 0", "samples"),
        ("--steps 0", "steps"),
        ("--threads 0", "--threads"),
        ("--levels 3", "--levels"),
        ("--unknown", "--unknown"),
    ] {
        let message = place.refused(flags);
        assert!(message.contains(key), "{message}");
    }
}

#[test]
fn the_log_begins_with_what_the_run_file_left_out() {
    let place = Place::new(RING);
    place.ok("--steps 2 --out log");
    let log = place.log("log");
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    let run = &first["manifest"]["run"];
    assert_eq!(run["optimizer"]["steps"], 2);
    assert_eq!(run["optimizer"]["learning_rate"], 0.1);
    assert_eq!(run["sampling"]["samples"], 200);
    assert_eq!(run["wavefunction"]["phase"], false, "stoquastic");
}

#[test]
fn what_a_run_cannot_say_is_null() {
    // Without couplings every energy is Tr H / dim = 0, and the only step is the one left out.
    let none = RING.replace("h = 1.0", "j = 0.0\nh = 0.0");
    let line = Place::new(&none).ok("--steps 1");
    for key in ["v_score", "relative_error", "seconds_per_step"] {
        assert!(line[key].is_null(), "{key}: {}", line[key]);
    }
    let line = Place::new(RING).ok("--steps 2");
    for key in ["v_score", "relative_error", "seconds_per_step"] {
        assert!(line[key].is_number(), "{key}: {}", line[key]);
    }
}

#[test]
fn doubtful_choices_are_said_aloud() {
    let cases = [
        (
            RING.replace("\"tfim\"\nh = 1.0", "\"heisenberg\"") // as written, not Marshall's basis
                .replace("\"transformer\"", "\"transformer\"\nphase = false"),
            "wavefunction.phase",
        ),
        (
            RING.replace("samples = 200", "samples = 200\nsampler = \"full_sum\""),
            "sampling.samples",
        ),
    ];
    for (text, word) in cases {
        let place = Place::new(&text);
        let out = place.run("--steps 3");
        assert!(out.status.success(), "{}", message(&out));
        assert!(message(&out).contains(word), "{word}: {}", message(&out));
    }
    let quiet = message(&Place::new(RING).run("--steps 3"));
    for word in ["wavefunction", "sampling", "R-hat"] {
        assert!(!quiet.contains(word), "nothing to doubt: {quiet}");
    }
}

#[test]
fn damaged_foreign_and_unasked_checkpoints_are_refused_and_kept() {
    let place = Place::new(RING);
    place.ok("--steps 3 --out own");
    let refused = place.refused("--steps 6 --out own");
    assert!(refused.contains("--resume"), "{refused}");
    let refused = place.refused("--steps 6 --out none --resume");
    assert!(refused.contains("checkpoint"), "{refused}");
    assert!(
        !place.dir.path().join("none").exists(),
        "nothing to resume, nothing made"
    );

    let path = place.dir.path().join("own").join(CHECKPOINT);
    let good = fs::read(&path).unwrap();
    for length in [0, 7, good.len() / 2, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        let refused = place.refused("--steps 6 --out own --resume");
        assert!(refused.contains(CHECKPOINT), "cut at {length}: {refused}");
    }
    fs::write(&path, b"a picture of a cat").unwrap();
    let refused = place.refused("--steps 6 --out own --resume");
    assert!(refused.contains("no ketwork checkpoint"), "{refused}");
    fs::write(&path, &good).unwrap();

    let others = [
        ("h = 1.0", "h = 1.1"),
        ("seed = 3", "seed = 4"),
        ("transformer", "gru"),
    ];
    for (from, to) in others {
        fs::write(place.dir.path().join("run.toml"), RING.replace(from, to)).unwrap();
        let refused = place.refused("--steps 6 --out own --resume");
        assert!(refused.contains("another run"), "{to}: {refused}");
    }
    fs::write(place.dir.path().join("run.toml"), RING).unwrap();
    place.ok("--steps 6 --out own --resume");
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_anything_is_computed() {
    let place = Place::new(RING);
    // A file in the way stops even the superuser.
    fs::write(place.dir.path().join("taken"), "precious").unwrap();
    for out in ["taken", "taken/below"] {
        let refused = place.refused(&format!("--steps 1000000 --out {out}"));
        assert!(
            refused.contains("--out") && refused.contains(out),
            "{refused}"
        );
    }
}
