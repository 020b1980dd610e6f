use super::ExactError;

/// How much memory an exact calculation may take.
///
/// Each large allocation is checked by itself, before it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Largest number of bytes; what the machine has available where `None`.
    pub limit: Option<u64>,
}

impl Memory {
    /// At most this many bytes, and never more than the machine has available.
    #[must_use]
    pub fn at_most(bytes: u64) -> Self {
        Self { limit: Some(bytes) }
    }

    /// Bytes that may be taken now; infinite where neither limit nor machine say.
    #[must_use]
    pub fn available(&self) -> f64 {
        let limit = self.limit.map_or(f64::INFINITY, |b| b as f64);
        limit.min(machine_available().unwrap_or(f64::INFINITY))
    }

    pub(crate) fn check(
        &self,
        what: &'static str,
        dimension: f64,
        needed: f64,
    ) -> Result<(), ExactError> {
        let available = self.available();
        if needed <= available {
            Ok(())
        } else {
            Err(ExactError::Memory {
                what,
                dimension,
                needed,
                available,
            })
        }
    }
}

/// So many bytes, in words.
pub(crate) fn gib(bytes: f64) -> String {
    let amount = bytes / (1u64 << 30) as f64;
    match amount {
        f64::INFINITY => "more GiB than can be counted".to_owned(),
        1e6.. => format!("{amount:.1e} GiB"),
        _ => format!("{amount:.3} GiB"),
    }
}

/// So many configurations, in words.
pub(super) fn configurations(dimension: f64) -> String {
    match dimension {
        f64::INFINITY => "more configurations than can be counted".to_owned(),
        _ => format!("{dimension:.4e} configurations"),
    }
}

/// Available memory in bytes, where the system tells.
fn machine_available() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}
