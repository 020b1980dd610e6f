use serde::{Deserialize, Serialize};

/// A number that depends on the step: learning rates and shifts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same at every step.
    Constant(f64),
    /// Geometric from `from` at step 0 to `to` at step `steps`, constant afterwards.
    Geometric {
        /// First value.
        from: f64,
        /// Last value.
        to: f64,
        /// Steps between them.
        steps: u64,
    },
    /// `from` (1 + step / `knee`)^(-`power`), never below `floor`: a schedule that needs no end.
    Power {
        /// First value.
        from: f64,
        /// Smallest value.
        floor: f64,
        /// Step at which the fall has begun.
        knee: f64,
        /// Exponent of the fall.
        power: f64,
        /// Steps of a linear rise before: the first solves see tangents of a random state.
        warmup: u64,
    },
    /// Linear rise from 0 over `warmup` steps to `peak`, then a cosine to `last` at step `steps`.
    Cosine {
        /// Largest value.
        peak: f64,
        /// Last value.
        last: f64,
        /// Steps of the rise.
        warmup: u64,
        /// All steps.
        steps: u64,
    },
}

impl Schedule {
    /// The learning rate of ground-state runs that were given none: a rise of 20 steps to `peak`, then
    /// a fall as 1/(1 + step/knee) to 2 % of it. Small systems need imaginary time, so the knee lies at
    /// 400 below 20 sites; larger ones need the average over samples that a small rate makes: 100.
    #[must_use]
    pub fn training_rate(n_sites: usize, peak: f64) -> Self {
        Self::Power {
            from: peak,
            floor: 0.02 * peak,
            knee: if n_sites < 20 { 400.0 } else { 100.0 },
            power: 1.0,
            warmup: 20,
        }
    }

    /// The shift of ground-state runs that were given none: from 1e-2 with the third power of
    /// 1 + step/50 to 1e-5.
    #[must_use]
    pub fn training_shift() -> Self {
        Self::Power {
            from: 1e-2,
            floor: 1e-5,
            knee: 50.0,
            power: 3.0,
            warmup: 0,
        }
    }

    /// The value at a step, counted from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        match *self {
            Self::Constant(value) => value,
            Self::Geometric { from, to, steps } => {
                let t = step.min(steps) as f64 / steps.max(1) as f64;
                from * (to / from).powf(t)
            }
            Self::Power {
                from,
                floor,
                knee,
                power,
                warmup,
            } => {
                let rise = ((step + 1) as f64 / (warmup + 1) as f64).min(1.0);
                rise * (from * (1.0 + step as f64 / knee).powf(-power)).max(floor)
            }
            Self::Cosine { peak, warmup, .. } if step < warmup => {
                peak * (step + 1) as f64 / (warmup + 1) as f64
            }
            Self::Cosine {
                peak,
                last,
                warmup,
                steps,
            } => {
                let whole = steps.saturating_sub(warmup).max(1) as f64;
                let t = ((step - warmup) as f64 / whole).min(1.0);
                last + (peak - last) * 0.5 * (1.0 + (std::f64::consts::PI * t).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_start_and_end_where_they_say() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-15, "{a} {b}");
        let g = Schedule::Geometric {
            from: 1e-2,
            to: 1e-4,
            steps: 10,
        };
        close(g.at(0), 1e-2);
        close(g.at(5), 1e-3);
        close(g.at(50), 1e-4);
        let p = Schedule::Power {
            from: 1.0,
            floor: 0.1,
            knee: 10.0,
            power: 2.0,
            warmup: 0,
        };
        close(p.at(0), 1.0);
        close(p.at(10), 0.25);
        close(p.at(1000), 0.1);
        let w = Schedule::Power {
            from: 1.0,
            floor: 1.0,
            knee: 1.0,
            power: 0.0,
            warmup: 9,
        };
        close(w.at(0), 0.1);
        close(w.at(9), 1.0);
        let c = Schedule::Cosine {
            peak: 0.1,
            last: 0.01,
            warmup: 4,
            steps: 20,
        };
        close(c.at(0), 0.02);
        close(c.at(4), 0.1);
        close(c.at(12), 0.055);
        close(c.at(20), 0.01);
        close(c.at(99), 0.01);
    }
}
