use super::Scale;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use std::ops::Range;

/// The coordinate on the page: a logarithm on a logarithmic axis.
pub(super) fn to_page(v: f64, scale: Scale) -> f64 {
    if scale == Scale::Log { v.log10() } else { v }
}

/// An axis in page coordinates that labels its ticks with the original numbers.
#[derive(Clone)]
pub(super) struct Axis {
    pub(super) range: Range<f64>,
    pub(super) scale: Scale,
}

impl Axis {
    fn inner(&self) -> RangedCoordf64 {
        self.range.clone().into()
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;
    fn map(&self, v: &f64, limit: (i32, i32)) -> i32 {
        self.inner().map(v, limit)
    }
    fn key_points<H: KeyPointHint>(&self, hint: H) -> Vec<f64> {
        let (from, to) = (
            self.range.start.ceil() as i64,
            self.range.end.floor() as i64,
        );
        if self.scale == Scale::Linear {
            return self.inner().key_points(hint);
        }
        // Fewer than two powers of ten are too few.
        if to - from < 1 {
            let between = |digits: &[f64]| -> Vec<f64> {
                let decades = (from - 1..=to + 1)
                    .flat_map(|p| digits.iter().map(move |d| d.log10() + p as f64));
                let within = self.range.start - 1e-9..=self.range.end + 1e-9;
                decades.filter(|v| within.contains(v)).collect()
            };
            let few = between(&[1.0, 2.0, 5.0]);
            let many = between(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
            return match (few.len(), many.len()) {
                (3.., _) => few,
                (_, 2..) => many,
                // Less than a digit: equal steps of the exponent.
                _ => self.inner().key_points(hint),
            };
        }
        let every = ((to - from) / hint.max_num_points().clamp(2, 8) as i64 + 1) as usize;
        (from..=to).step_by(every).map(|p| p as f64).collect()
    }
    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        d => char::from_u32('⁰' as u32 + d as u32 - '0' as u32).unwrap_or(d),
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, v: &f64) -> String {
        match self.scale {
            // One notation for a whole axis: plain numbers from a thousandth to ten thousand.
            Scale::Log if self.range.start >= -3.0 && self.range.end <= 4.0 => {
                let text = format!("{:.4}", 10f64.powf(*v));
                text.trim_end_matches('0').trim_end_matches('.').into()
            }
            Scale::Log => {
                let exponent = (v + 1e-9).floor();
                let digits = format!("{:.1}", 10f64.powf(v - exponent));
                let power: String = format!("{exponent:.0}").chars().map(superscript).collect();
                match digits.trim_end_matches(".0") {
                    "1" => format!("10{power}"),
                    digits => format!("{digits}·10{power}"),
                }
            }
            Scale::Linear => {
                let width = self.range.end - self.range.start;
                let places = (2.0 - width.log10()).floor().clamp(0.0, 9.0) as usize;
                let text = format!("{v:.places$}");
                let short = match text.contains('.') {
                    true => text.trim_end_matches('0').trim_end_matches('.'),
                    false => text.as_str(),
                };
                if short == "-0" {
                    "0".into()
                } else {
                    short.replace('-', "−")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_ticks_are_round_numbers() {
        let labels = |from: f64, to: f64| {
            let range = from.log10()..to.log10();
            let scale = Scale::Log;
            let axis = Axis { range, scale };
            let points = axis.key_points(9_usize);
            points
                .iter()
                .map(|v| axis.format_ext(v))
                .collect::<Vec<_>>()
        };
        assert_eq!(labels(15.0, 140.0), ["20", "50", "100"]);
        assert_eq!(labels(0.04, 60.0), ["0.1", "1", "10"]);
        assert_eq!(labels(2.5, 4.5), ["3", "4"]);
        assert_eq!(labels(20.0, 100.0), ["20", "50", "100"]);
        assert_eq!(labels(150.0, 1400.0), ["200", "500", "1000"]);
        assert_eq!(
            labels(0.0015, 0.006),
            ["0.002", "0.003", "0.004", "0.005", "0.006"]
        );
        assert_eq!(labels(1e-5, 1e-3), ["10⁻⁵", "10⁻⁴", "10⁻³"]);
        assert_eq!(labels(2e-5, 2e-4), ["2·10⁻⁵", "5·10⁻⁵", "10⁻⁴", "2·10⁻⁴"]);
    }
}
