//! A live line on the terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Instant;

/// A bar on standard error with energy, error bar, variance, steps per second and time left.
///
/// Silent where standard error is no terminal: logs of batch jobs stay clean.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    first: Option<(u64, Instant)>,
}

impl Progress {
    /// A bar for `steps` steps, with a name before it.
    #[must_use]
    pub fn new(name: &str, steps: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(8));
        // A template error would be a mistake in this line; the plain bar is then good enough.
        let style = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len}  {msg}  eta {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸ "));
        bar.set_prefix(name.to_owned());
        Self { bar, first: None }
    }

    /// A bar that shows nothing.
    #[must_use]
    pub fn hidden() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            first: None,
        }
    }

    /// Moves to `step`, where the energy is `energy` with standard error `error`, and the variance
    /// of the local energy is `variance`.
    pub fn update(&mut self, step: u64, energy: f64, error: f64, variance: f64) {
        let (start, since) = *self.first.get_or_insert_with(|| (step, Instant::now()));
        let seconds = since.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 {
            (step.saturating_sub(start)) as f64 / seconds
        } else {
            0.0
        };
        self.bar.set_position(step);
        self.bar.set_message(format!(
            "E {}  variance {variance:.2e}  {rate:.1} steps/s",
            with_error(energy, error)
        ));
    }

    /// Moves to `step` with a message of the caller's.
    pub fn show(&mut self, step: u64, message: &str) {
        self.bar.set_position(step);
        self.bar.set_message(message.to_owned());
    }

    /// Prints a line above the bar, or plainly where the bar is hidden.
    pub fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// `-1.2732(4)`: a value rounded to the first digit of its standard error, two digits where that
/// digit would be 1.
///
/// ```
/// assert_eq!(ketwork::with_error(-1.273_24, 0.000_36), "-1.2732(4)");
/// assert_eq!(ketwork::with_error(-1.273_24, 0.000_14), "-1.27324(14)");
/// assert_eq!(ketwork::with_error(2.0, 0.0), "2");
/// assert_eq!(ketwork::with_error(1234.0, 30.0), "1234(30)");
/// ```
#[must_use]
pub fn with_error(value: f64, error: f64) -> String {
    if !(error.is_finite() && error > 0.0) {
        return format!("{value}");
    }
    let power = error.log10().floor();
    let leading = error / 10f64.powf(power);
    let digits = if leading < 1.95 { 1.0 - power } else { -power };
    if digits <= 0.0 {
        return format!("{value:.0}({error:.0})");
    }
    let places = digits.min(17.0) as usize;
    format!("{value:.places$}({:.0})", error * 10f64.powf(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_bar_accepts_every_update() {
        let mut bar = Progress::hidden();
        bar.update(1, -1.0, 0.1, f64::NAN);
        bar.update(0, f64::NAN, -1.0, 0.0);
        bar.finish();
    }

    #[test]
    fn an_error_that_rounds_up_a_decade_keeps_its_digits() {
        assert_eq!(with_error(0.5, 0.0096), "0.500(10)");
        assert_eq!(with_error(0.5, 0.95), "0.5(10)");
    }
}
