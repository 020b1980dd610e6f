//! The one place that maps errors to exit codes.

use ketwork::exact::ExactError;
use ketwork::run::RunError;
use ketwork::{CheckpointError, PlotError, RecordError, RunFile, RunFileError};
use std::path::Path;
use std::process::ExitCode;

/// Why an example ends early; the text is one line for standard error.
#[derive(Debug)]
pub enum Failure {
    /// The input is wrong, needs too much memory, or the output cannot be written: exit code 2.
    Input(String),
    /// The computation failed later: exit code 3.
    Computation(String),
    /// The user asked to stop, after a checkpoint: exit code 130.
    Interrupted(String),
}

impl Failure {
    /// The input is to blame.
    pub fn input(reason: impl ToString) -> Self {
        Self::Input(reason.to_string())
    }

    /// The computation failed.
    pub fn computation(reason: impl ToString) -> Self {
        Self::Computation(reason.to_string())
    }

    /// Names the run file where one of its keys is to blame.
    pub fn of(self, file: Option<&Path>) -> Self {
        match (self, file) {
            (Self::Input(reason), Some(file))
                if RunFile::KEYS.iter().any(|section| {
                    reason
                        .strip_prefix(section)
                        .is_some_and(|rest| rest.starts_with(['.', ':']))
                }) =>
            {
                Self::Input(format!("{}: {reason}", file.display()))
            }
            (failure, _) => failure,
        }
    }

    /// Without the advice to name a directory, for examples that keep nothing there to resume.
    pub fn unkept(self) -> Self {
        match self {
            Self::Interrupted(reason) => {
                Self::Interrupted(reason.trim_end_matches(": give --out DIR").to_owned())
            }
            failure => failure,
        }
    }

    /// Prints the reason and gives the exit code.
    pub fn report(&self, example: &str) -> ExitCode {
        let (code, reason) = match self {
            Self::Input(reason) => (2, reason),
            Self::Computation(reason) => (3, reason),
            Self::Interrupted(reason) => (130, reason),
        };
        let reason = reason.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        eprintln!("{example}: {reason}");
        ExitCode::from(code)
    }
}

impl From<RunFileError> for Failure {
    fn from(e: RunFileError) -> Self {
        Self::input(e)
    }
}

impl From<RunError> for Failure {
    fn from(e: RunError) -> Self {
        match e {
            RunError::Interrupted { .. } => Self::Interrupted(e.to_string()),
            e if e.is_input() => Self::input(e),
            e => Self::computation(e),
        }
    }
}

impl From<CheckpointError> for Failure {
    fn from(e: CheckpointError) -> Self {
        Self::input(e)
    }
}

impl From<RecordError> for Failure {
    fn from(e: RecordError) -> Self {
        Self::computation(e)
    }
}

impl From<PlotError> for Failure {
    fn from(e: PlotError) -> Self {
        Self::computation(e)
    }
}

impl From<ExactError> for Failure {
    fn from(e: ExactError) -> Self {
        match e {
            ExactError::NoConvergence { .. }
            | ExactError::Dense { .. }
            | ExactError::NotFinite { .. }
            | ExactError::Stalled { .. } => Self::computation(e),
            // Size, sector and options are the user's.
            e => Self::input(e),
        }
    }
}
