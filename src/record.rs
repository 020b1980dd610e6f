//! The log of a run: JSON lines, the first a manifest, then one for each step.
//!
//! With one seed all lines are bit-identical for any number of threads, except for what stands
//! under the keys `"machine"` and `"timing"`: [`without_timing`] removes them.

use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The generators behind all random numbers, as logs and checkpoints name them.
///
/// A change of any of them changes every sampled number, hence the name.
pub const RNG: &str = "philox4x32-10 by counter, chacha8 in sequence";

/// What a run was started with: the first line of its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The program, for example the name of an example.
    pub program: String,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Number of threads.
    pub threads: usize,
    /// The run file as resolved: flags applied, defaults filled in.
    pub run: Value,
    /// What the program chose beside it: schedules, solver, sampler; null where that is nothing.
    pub chosen: Value,
}

impl Manifest {
    fn line(&self) -> Value {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |d| d.as_secs_f64());
        json!({
            "manifest": {
                "program": self.program,
                "version": env!("CARGO_PKG_VERSION"),
                "seed": self.seed,
                "rng": RNG,
                "run": self.run,
                "chosen": self.chosen,
            },
            "machine": {
                "threads": self.threads,
                "started_unix": started,
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
            },
        })
    }
}

/// Writes one JSON object a line and flushes after each, so that a killed run keeps its log.
#[derive(Debug)]
pub struct Recorder {
    out: BufWriter<File>,
    path: PathBuf,
}

/// Why a log cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The file system refuses.
    #[error("{}: {source}; name a directory that can be written", path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line cannot be written as a JSON object.
    #[error("a line of {} is no JSON object ({reason})", path.display())]
    NotAnObject {
        /// The log.
        path: PathBuf,
        /// What serde says.
        reason: String,
    },
}

impl Recorder {
    /// Starts a log; an older one at `path` is replaced.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn create(path: &Path, manifest: &Manifest) -> Result<Self, RecordError> {
        let at = |source| RecordError::Io {
            path: path.to_owned(),
            source,
        };
        let mut recorder = Self {
            out: BufWriter::new(File::create(path).map_err(at)?),
            path: path.to_owned(),
        };
        recorder.put(&manifest.line())?;
        Ok(recorder)
    }

    /// Continues a log after `step`, the number of steps of the checkpoint.
    ///
    /// Lines with a larger `"step"` and a line cut off by a crash are dropped: the steps will be
    /// done again, and the log ends equal to that of an uninterrupted run. A log that is not there
    /// is started.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn resume(path: &Path, manifest: &Manifest, step: u64) -> Result<Self, RecordError> {
        let at = |source| RecordError::Io {
            path: path.to_owned(),
            source,
        };
        let old = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Self::create(path, manifest),
            Err(e) => return Err(at(e)),
        };
        let parsed = |line: &&str| serde_json::from_str::<Map<String, Value>>(line).ok();
        let done = |line: &&str| {
            parsed(line).is_some_and(|l| l.get("step").and_then(Value::as_u64).unwrap_or(0) <= step)
        };
        let kept: String = old
            .lines()
            .filter(done)
            .map(|line| format!("{line}\n"))
            .collect();
        let partial = path.with_extension("partial");
        fs::write(&partial, kept)
            .and_then(|()| fs::rename(&partial, path))
            .map_err(at)?;
        let file = File::options().append(true).open(path).map_err(at)?;
        Ok(Self {
            out: BufWriter::new(file),
            path: path.to_owned(),
        })
    }

    /// Appends a step: its number, what is reproducible, and what depends on machine and moment.
    ///
    /// `step` is the number of steps done, this one included: 1 for the first. It replaces a "step" of
    /// the report. `report` and `timing` must serialise to objects; `timing` goes under the key `"timing"`.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn write(
        &mut self,
        step: u64,
        report: &impl Serialize,
        timing: &impl Serialize,
    ) -> Result<(), RecordError> {
        let mut line = self.object(report)?;
        // A report may count its own steps, from 0; a checkpoint counts the steps that are done, and
        // resuming compares with those.
        line.insert("step".into(), step.into());
        line.insert("timing".into(), Value::Object(self.object(timing)?));
        self.put(&Value::Object(line))
    }

    /// The log's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn object(&self, value: &impl Serialize) -> Result<Map<String, Value>, RecordError> {
        let refused = |reason| RecordError::NotAnObject {
            path: self.path.clone(),
            reason,
        };
        match serde_json::to_value(value) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(other) => Err(refused(other.to_string())),
            Err(e) => Err(refused(e.to_string())),
        }
    }

    fn put(&mut self, line: &Value) -> Result<(), RecordError> {
        writeln!(self.out, "{line}")
            .and_then(|()| self.out.flush())
            .map_err(|source| RecordError::Io {
                path: self.path.clone(),
                source,
            })
    }
}

/// The lines of a log without what depends on machine and moment: equal for equal runs.
///
/// Lines that are no JSON object are dropped.
#[must_use]
pub fn without_timing(log: &str) -> Vec<String> {
    let strip = |line: &str| {
        let mut map: Map<String, Value> = serde_json::from_str(line).ok()?;
        map.remove("machine");
        map.remove("timing");
        Some(Value::Object(map).to_string())
    };
    log.lines().filter_map(strip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(threads: usize) -> Manifest {
        Manifest {
            program: "test".into(),
            seed: 3,
            threads,
            chosen: Value::Null,
            run: json!({ "seed": 3 }),
        }
    }

    fn steps(recorder: &mut Recorder, range: std::ops::Range<u64>, seconds: f64) {
        for step in range {
            let report = json!({ "energy": -1.0 / (step as f64 + 3.0), "step": step - 1 });
            recorder
                .write(step, &report, &json!({ "seconds": seconds }))
                .unwrap();
        }
    }

    #[test]
    fn logs_differ_only_in_machine_and_timing() {
        let dir = tempfile::tempdir().unwrap();
        let log = |name: &str, threads, seconds| {
            let path = dir.path().join(name);
            steps(
                &mut Recorder::create(&path, &manifest(threads)).unwrap(),
                1..5,
                seconds,
            );
            fs::read_to_string(path).unwrap()
        };
        let (a, b) = (log("a", 1, 0.5), log("b", 2, 0.7));
        assert_ne!(a, b);
        assert_eq!(without_timing(&a), without_timing(&b));
        assert_eq!(without_timing(&a).len(), 5);
        let line: Value = serde_json::from_str(a.lines().nth(2).unwrap()).unwrap();
        assert_eq!(
            line["energy"].as_f64().unwrap().to_bits(),
            (-0.2f64).to_bits()
        );
    }

    #[test]
    fn a_resumed_log_equals_an_uninterrupted_one() {
        let dir = tempfile::tempdir().unwrap();
        let (whole, cut) = (dir.path().join("whole"), dir.path().join("cut"));
        steps(
            &mut Recorder::create(&whole, &manifest(1)).unwrap(),
            1..9,
            0.1,
        );
        steps(
            &mut Recorder::create(&cut, &manifest(1)).unwrap(),
            1..6,
            0.2,
        );
        // Killed while writing step 6; the checkpoint is of step 4.
        let torn = fs::read_to_string(&cut).unwrap() + "{\"step\":6,\"ener";
        fs::write(&cut, torn).unwrap();
        steps(
            &mut Recorder::resume(&cut, &manifest(2), 4).unwrap(),
            5..9,
            0.3,
        );
        let stripped = |p| without_timing(&fs::read_to_string(p).unwrap());
        assert_eq!(stripped(&whole), stripped(&cut));
    }

    #[test]
    fn a_report_that_is_no_object_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(&dir.path().join("log"), &manifest(1)).unwrap();
        let refused = recorder.write(1, &json!(3), &json!({}));
        assert!(matches!(refused, Err(RecordError::NotAnObject { .. })));
        let nowhere = Recorder::create(&dir.path().join("no/log"), &manifest(1));
        assert!(matches!(nowhere, Err(RecordError::Io { .. })));
    }
}
