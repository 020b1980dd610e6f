//! What a run costs: wall time, CPU time, peak memory.

use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// Measures wall and CPU time from its creation.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: f64,
}

/// Time spent, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Elapsed {
    /// Wall time.
    pub seconds: f64,
    /// CPU time of all threads of the process.
    pub cpu_seconds: f64,
}

impl Stopwatch {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu_seconds(),
        }
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Elapsed {
        Elapsed {
            seconds: self.wall.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - self.cpu,
        }
    }
}

/// CPU time of the process so far, all threads together, in seconds.
#[must_use]
pub fn cpu_seconds() -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + 1e-9 * t.tv_nsec as f64
}

/// Largest resident memory of the process so far, in units of 10^6 bytes.
///
/// `None` where the system does not tell it under `/proc`.
#[must_use]
pub fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time_and_memory() {
        let watch = Stopwatch::start();
        let numbers: Vec<u64> = (0..4_000_000u64).map(|i| i.wrapping_mul(i)).collect();
        let sum = numbers.iter().fold(0u64, |a, &b| a.wrapping_add(b));
        let spent = watch.elapsed();
        assert!(
            spent.seconds > 0.0 && spent.cpu_seconds > 0.0,
            "{sum}: {spent:?}"
        );
        if let Some(peak) = peak_memory_mb() {
            assert!(peak > 32.0, "32 MB are in use, the peak is {peak}");
        }
    }
}
