//! Pictures of runs as PNG files, drawn without any system library.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use std::ops::Range;
use std::path::{Path, PathBuf};

const FONT: &str = "sans-serif";
const FONT_BYTES: &[u8] = include_bytes!("assets/DejaVuSans-subset.ttf");
const GREY: RGBColor = RGBColor(90, 90, 90);
/// The colours of Okabe and Ito, told apart by colour-blind readers: series take them in turn.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// No panel has a finite point to show.
    #[error(
        "nothing to draw: panel {panel} holds no finite point (and no positive one on a logarithmic axis)"
    )]
    Empty {
        /// Index of the panel.
        panel: usize,
    },
    /// Drawing or writing failed.
    #[error("{}: {reason}; name a place that can be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the drawing library says.
        reason: String,
    },
}

/// How an axis is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Powers of ten.
    Log,
}

#[derive(Clone, Debug)]
enum Shape {
    Line(Vec<(f64, f64)>),
    /// x, y, standard error of y.
    Points(Vec<(f64, f64, f64)>),
    Level(f64),
}

/// A coordinate system with its series.
///
/// Points that are not finite, or not positive on a logarithmic axis, are left out.
#[derive(Clone, Debug)]
pub struct Panel {
    x_label: String,
    y_label: String,
    x_scale: Scale,
    y_scale: Scale,
    series: Vec<(String, Shape)>,
}

impl Panel {
    /// An empty panel with linear axes.
    #[must_use]
    pub fn new(x_label: &str, y_label: &str) -> Self {
        Self {
            x_label: x_label.into(),
            y_label: y_label.into(),
            x_scale: Scale::Linear,
            y_scale: Scale::Linear,
            series: Vec::new(),
        }
    }

    /// Chooses the scales of both axes.
    #[must_use]
    pub fn scales(mut self, x: Scale, y: Scale) -> Self {
        (self.x_scale, self.y_scale) = (x, y);
        self
    }

    /// Adds a curve; an empty name keeps it out of the legend.
    #[must_use]
    pub fn line(mut self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.series
            .push((name.into(), Shape::Line(points.into_iter().collect())));
        self
    }

    /// Adds points (x, y, standard error) with error bars.
    #[must_use]
    pub fn points(mut self, name: &str, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.series
            .push((name.into(), Shape::Points(points.into_iter().collect())));
        self
    }

    /// Adds a dashed horizontal line for a known value.
    #[must_use]
    pub fn level(mut self, name: &str, y: f64) -> Self {
        self.series.push((name.into(), Shape::Level(y)));
        self
    }

    fn shown(&self, x: f64, y: f64) -> bool {
        let fits = |v: f64, s| v.is_finite() && (s == Scale::Linear || v > 0.0);
        fits(x, self.x_scale) && fits(y, self.y_scale)
    }

    /// The ranges of both axes in the coordinates of the page (logarithms where so scaled).
    fn ranges(&self) -> Option<(Range<f64>, Range<f64>)> {
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        for (_, shape) in &self.series {
            match shape {
                Shape::Line(points) => {
                    for &(x, y) in points.iter().filter(|p| self.shown(p.0, p.1)) {
                        xs.push(x);
                        ys.push(y);
                    }
                }
                Shape::Points(points) => {
                    for &(x, y, e) in points.iter().filter(|p| self.shown(p.0, p.1)) {
                        xs.push(x);
                        ys.extend([y - e, y, y + e].into_iter().filter(|&v| self.shown(x, v)));
                    }
                }
                Shape::Level(y) => ys.extend([*y].into_iter().filter(|&y| self.shown(1.0, y))),
            }
        }
        let range = |values: &[f64], scale, pad: f64| {
            let page = values.iter().map(|&v| to_page(v, scale));
            let (low, high) = page.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
                (a.min(v), b.max(v))
            });
            let width = if high > low {
                high - low
            } else {
                low.abs().max(1.0) * 0.1
            };
            low - pad * width..high + pad * width
        };
        (!xs.is_empty()).then(|| {
            (
                range(&xs, self.x_scale, 0.02),
                range(&ys, self.y_scale, 0.08),
            )
        })
    }
}

/// One or more panels above each other, with a title.
///
/// ```
/// use ketwork::{Figure, Panel, Scale};
/// let figure = Figure::new("A parabola")
///     .panel(Panel::new("x", "y").line("x²", (0..20).map(|i| (f64::from(i), f64::from(i * i)))));
/// figure.write(&std::env::temp_dir().join("ketwork-doc-plot.png"))?;
/// # Ok::<(), ketwork::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Figure {
    title: String,
    size: (u32, u32),
    panels: Vec<Panel>,
}

impl Figure {
    /// An empty figure of 1200 by 800 pixels.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            title: title.into(),
            size: (1200, 800),
            panels: Vec::new(),
        }
    }

    /// Sets width and height in pixels.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Adds a panel below the others.
    #[must_use]
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// The energy during optimisation with its error bars, and, where the exact value is known,
    /// a line there and a second panel with the relative error on a logarithmic axis.
    ///
    /// `points` are (step, energy, standard error).
    #[must_use]
    pub fn of_energy(title: &str, points: &[(f64, f64, f64)], exact: Option<f64>) -> Self {
        // The first steps lie far above the rest; the axis ends where the curve has settled.
        let settled = settled_from(points);
        let upper =
            Panel::new("step", "energy").points("variational energy", points[settled..].to_vec());
        let Some(exact) = exact else {
            return Self::new(title).panel(upper);
        };
        let relative = |e: f64| (e - exact).abs() / exact.abs().max(f64::MIN_POSITIVE);
        let lower = Panel::new("step", "relative error")
            .scales(Scale::Linear, Scale::Log)
            .line(
                "|E − E₀| / |E₀|",
                points.iter().map(|&(s, e, _)| (s, relative(e))),
            )
            .line(
                "standard error / |E₀|",
                points.iter().map(|&(s, _, d)| (s, d / exact.abs())),
            );
        Self::new(title)
            .panel(upper.level("exact", exact))
            .panel(lower)
    }

    /// Draws the figure into a PNG file.
    ///
    /// # Errors
    /// [`PlotError::Empty`] for a panel without a point to show, [`PlotError::Write`] where the
    /// file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlotError> {
        let wrong = |e: &dyn std::fmt::Display| PlotError::Write {
            path: path.to_owned(),
            reason: e.to_string(),
        };
        // Registering again replaces the entry: harmless, and no state of ours.
        if register_font(FONT, FontStyle::Normal, FONT_BYTES).is_err() {
            return Err(wrong(&"the font of the crate is damaged"));
        }
        let ranges: Vec<_> = self
            .panels
            .iter()
            .enumerate()
            .map(|(panel, p)| p.ranges().ok_or(PlotError::Empty { panel }))
            .collect::<Result<_, _>>()?;
        let root = BitMapBackend::new(path, self.size).into_drawing_area();
        root.fill(&WHITE).map_err(|e| wrong(&e))?;
        let (head, body) = root.split_vertically(56);
        let centred = TextStyle::from((FONT, 27)).pos(Pos::new(HPos::Center, VPos::Center));
        head.draw(&Text::new(
            self.title.as_str(),
            (self.size.0 as i32 / 2, 32),
            centred,
        ))
        .map_err(|e| wrong(&e))?;
        let areas = body.split_evenly((self.panels.len().max(1), 1));
        for ((panel, (x, y)), area) in self.panels.iter().zip(ranges).zip(&areas) {
            draw(panel, x, y, area).map_err(|e| wrong(&e))?;
        }
        root.present().map_err(|e| wrong(&e))
    }
}

/// Index from which energies stay within twenty times the spread of the last half.
fn settled_from(points: &[(f64, f64, f64)]) -> usize {
    let last = &points[points.len() / 2..];
    let (low, high) = last
        .iter()
        .filter(|p| p.1.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| {
            (a.min(p.1), b.max(p.1))
        });
    let limit = high + 20.0 * (high - low).max(1e-9 * high.abs());
    points.iter().position(|p| p.1 <= limit).unwrap_or(0)
}

fn to_page(v: f64, scale: Scale) -> f64 {
    if scale == Scale::Log { v.log10() } else { v }
}

/// An axis in page coordinates that labels its ticks with the original numbers.
#[derive(Clone)]
struct Axis {
    range: Range<f64>,
    scale: Scale,
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
        // Less than a decade has too few powers of ten: then equal steps of the exponent serve.
        if self.scale == Scale::Linear || to - from < 1 {
            return self.inner().key_points(hint);
        }
        let every = ((to - from) / hint.max_num_points().clamp(2, 8) as i64 + 1) as usize;
        (from..=to).step_by(every).map(|p| p as f64).collect()
    }
    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, v: &f64) -> String {
        match self.scale {
            Scale::Log if v.fract() == 0.0 && v.abs() > 2.5 => {
                let superscript = |c| match c {
                    '-' => '⁻',
                    '1' => '¹',
                    '2' => '²',
                    '3' => '³',
                    d => char::from_u32('⁰' as u32 + d as u32 - '0' as u32).unwrap_or(d),
                };
                format!(
                    "10{}",
                    format!("{v:.0}")
                        .chars()
                        .map(superscript)
                        .collect::<String>()
                )
            }
            Scale::Log if v.abs() > 2.5 => format!("{:.1e}", 10f64.powf(*v)),
            Scale::Log => format!("{:.3}", 10f64.powf(*v)),
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

type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;
type DrawError<'a> = DrawingAreaErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>;

fn draw<'a>(
    panel: &Panel,
    x: Range<f64>,
    y: Range<f64>,
    area: &Area<'a>,
) -> Result<(), DrawError<'a>> {
    let (sx, sy) = (panel.x_scale, panel.y_scale);
    let page = |x: f64, y: f64| (to_page(x, sx), to_page(y, sy));
    let ends = (x.start, x.end);
    let floor = y.start;
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .margin_right(28)
        .x_label_area_size(52)
        .y_label_area_size(104)
        .build_cartesian_2d(
            Axis {
                range: x,
                scale: sx,
            },
            Axis {
                range: y,
                scale: sy,
            },
        )?;
    chart
        .configure_mesh()
        .x_desc(panel.x_label.as_str())
        .y_desc(panel.y_label.as_str())
        .axis_desc_style((FONT, 20))
        .label_style((FONT, 17))
        .max_light_lines(0)
        .bold_line_style(BLACK.mix(0.1))
        .axis_style(GREY)
        .x_labels(9)
        .y_labels(7)
        .draw()?;
    for (i, (name, shape)) in panel.series.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let (style, dashed) = match shape {
            Shape::Level(_) => (BLACK.stroke_width(2), true),
            _ => (colour.stroke_width(2), false),
        };
        let drawn = match shape {
            Shape::Line(points) => {
                let kept = points.iter().filter(|p| panel.shown(p.0, p.1));
                chart.draw_series(LineSeries::new(kept.map(|&(x, y)| page(x, y)), style))?
            }
            Shape::Level(level) if panel.shown(1.0, *level) => {
                let y = to_page(*level, sy);
                chart.draw_series(DashedLineSeries::new(
                    [(ends.0, y), (ends.1, y)],
                    9,
                    6,
                    style,
                ))?
            }
            Shape::Level(_) => continue,
            Shape::Points(points) => {
                let kept: Vec<_> = points.iter().filter(|p| panel.shown(p.0, p.1)).collect();
                let bar = |&&(x, y, e): &&(f64, f64, f64)| {
                    // A bar that would reach below 0 on a logarithmic axis ends at the frame.
                    let foot = if panel.shown(x, y - e) {
                        to_page(y - e, sy)
                    } else {
                        floor
                    };
                    PathElement::new(
                        vec![(to_page(x, sx), foot), page(x, y + e)],
                        colour.mix(0.5).stroke_width(2),
                    )
                };
                chart.draw_series(
                    kept.iter()
                        .filter(|p| p.2.is_finite() && p.2 > 0.0)
                        .map(bar),
                )?;
                let radius = if kept.len() > 150 { 2 } else { 4 };
                chart.draw_series(
                    kept.iter()
                        .map(|&&(x, y, _)| Circle::new(page(x, y), radius, colour.filled())),
                )?
            }
        };
        if name.is_empty() {
            continue;
        }
        // One composed element for all shapes: parts that a shape does not have are drawn empty.
        let is_points = matches!(shape, Shape::Points(_));
        drawn.label(name.as_str()).legend(move |at| {
            let stroke = |a, b| PathElement::new(vec![(a, 0), (b, 0)], style);
            let (first, second) = match (is_points, dashed) {
                (true, _) => (
                    PathElement::new(vec![(14, -8), (14, 8)], style),
                    stroke(14, 14),
                ),
                (false, true) => (stroke(0, 11), stroke(17, 28)),
                (false, false) => (stroke(0, 28), stroke(28, 28)),
            };
            let dot = Circle::new((14, 0), if is_points { 4 } else { 0 }, style.filled());
            EmptyElement::at(at) + first + second + dot
        });
    }
    if panel.series.iter().any(|(name, _)| !name.is_empty()) {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .margin(12)
            .legend_area_size(34)
            .label_font((FONT, 18))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .draw()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_energy_curve_becomes_a_png() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("energy.png");
        let exact = -12.784_906_44;
        let points: Vec<_> = (0..120)
            .map(|i| {
                let decay =
                    9.0 * (-f64::from(i) / 7.0).exp() + 2e-4 * (1.5 + (f64::from(i) * 2.3).sin());
                (f64::from(i), exact + decay, 0.3 * decay)
            })
            .collect();
        Figure::of_energy("Critical Ising ring, N = 10, h = 1", &points, Some(exact))
            .write(&path)
            .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        assert!(
            bytes.len() > 20_000,
            "{} bytes: text and curves are missing",
            bytes.len()
        );
        if let Some(keep) = std::env::var_os("KETWORK_KEEP_PLOT") {
            std::fs::copy(&path, keep).unwrap();
        }
    }

    #[test]
    fn unusual_data_neither_panic_nor_hang() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.png");
        let one = Panel::new("x", "y").points("", [(1.0, 2.0, 0.0)]);
        let mixed = Panel::new("x", "y")
            .scales(Scale::Log, Scale::Log)
            .line(
                "a",
                [(0.0, 1.0), (1.0, f64::NAN), (10.0, 1e-8), (100.0, 3.0)],
            )
            .points("b", [(5.0, 1e-3, 1.0)])
            .level("c", -1.0);
        Figure::new("")
            .panel(one)
            .panel(mixed)
            .write(&path)
            .unwrap();
        let empty = Figure::new("").panel(Panel::new("x", "y").line("a", [(f64::NAN, 1.0)]));
        assert!(matches!(
            empty.write(&path),
            Err(PlotError::Empty { panel: 0 })
        ));
        let energy = Figure::of_energy("", &[(0.0, -1.0, 0.1)], Some(-1.0));
        energy.write(&path).unwrap();
        let nowhere = energy.write(&dir.path().join("no/x.png"));
        assert!(matches!(nowhere, Err(PlotError::Write { .. })));
    }
}
