//! Pictures of runs as PNG files, drawn without any system library.

mod axis;
mod draw;
#[cfg(test)]
mod tests;

use axis::to_page;
use draw::draw;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};
use std::ops::Range;
use std::path::{Path, PathBuf};

const FONT: &str = "sans-serif";
const FONT_BYTES: &[u8] = include_bytes!("../assets/DejaVuSans-subset.ttf");
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
    Image(Image),
}

/// Brightness of pixels.
#[derive(Clone, Debug)]
struct Image {
    width: usize,
    /// Rows from the top, 0 black to 1 white.
    pixels: Vec<f64>,
}

/// What is drawn in one colour under one name.
#[derive(Clone, Debug)]
struct Series {
    name: String,
    shape: Shape,
    /// Which of the colours, in turn.
    colour: usize,
}

/// A coordinate system with its series.
///
/// Six colours are taken in turn; [`Self::same_colour`] keeps one for several series that belong together.
/// Points that are not finite, or not positive on a logarithmic axis, are left out.
#[derive(Clone, Debug)]
pub struct Panel {
    x_label: String,
    y_label: String,
    x_scale: Scale,
    y_scale: Scale,
    x_reaches: Option<(f64, f64)>,
    series: Vec<Series>,
    /// Whether the next series takes the colour of the last one.
    repeats: bool,
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
            x_reaches: None,
            series: Vec::new(),
            repeats: false,
        }
    }

    /// Chooses the scales of both axes.
    #[must_use]
    pub fn scales(mut self, x: Scale, y: Scale) -> Self {
        (self.x_scale, self.y_scale) = (x, y);
        self
    }

    /// Makes the x axis reach from `from` to `to` at least.
    #[must_use]
    pub fn x_reaches(mut self, from: f64, to: f64) -> Self {
        self.x_reaches = Some((from, to));
        self
    }

    /// Adds a curve; an empty name keeps it out of the legend.
    #[must_use]
    pub fn line(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.with(name, Shape::Line(points.into_iter().collect()))
    }

    /// Adds points (x, y, standard error) with error bars.
    #[must_use]
    pub fn points(self, name: &str, points: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        self.with(name, Shape::Points(points.into_iter().collect()))
    }

    /// Adds a dashed horizontal line for a known value.
    #[must_use]
    pub fn level(self, name: &str, y: f64) -> Self {
        self.with(name, Shape::Level(y))
    }

    /// Gives the next series the colour of the last one: points and the curve that they are compared
    /// with, or several curves of one kind.
    ///
    /// ```
    /// use ketwork::Panel;
    /// let parabola = (0..5).map(|i| f64::from(i * i));
    /// let panel = Panel::new("x", "y")
    ///     .line("", (0..5).map(f64::from).zip(parabola.clone()))
    ///     .same_colour()
    ///     .points("measured", (0..5).map(f64::from).zip(parabola).map(|(x, y)| (x, y, 0.1)));
    /// # drop(panel);
    /// ```
    #[must_use]
    pub fn same_colour(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// A picture of grey pixels below a caption, in place of axes.
    ///
    /// `pixels` are rows of `width` from the top, from 0 (black) to 1 (white).
    ///
    /// # Panics
    /// If the last row is not full, or there is none.
    #[must_use]
    #[track_caller]
    pub fn image(caption: &str, width: usize, pixels: Vec<f64>) -> Self {
        let full = width > 0 && !pixels.is_empty() && pixels.len().is_multiple_of(width);
        assert!(full, "{} pixels in rows of {width}", pixels.len());
        Self::new(caption, "").with("", Shape::Image(Image { width, pixels }))
    }

    fn with(mut self, name: &str, shape: Shape) -> Self {
        let next = usize::from(!std::mem::take(&mut self.repeats));
        self.series.push(Series {
            name: name.into(),
            shape,
            colour: self.series.last().map_or(0, |last| last.colour + next),
        });
        self
    }

    fn shown(&self, x: f64, y: f64) -> bool {
        let fits = |v: f64, s| v.is_finite() && (s == Scale::Linear || v > 0.0);
        fits(x, self.x_scale) && fits(y, self.y_scale)
    }

    /// The ranges of both axes in the coordinates of the page (logarithms where so scaled).
    fn ranges(&self) -> Option<(Range<f64>, Range<f64>)> {
        let (mut xs, mut ys) = (Vec::new(), Vec::new());
        if let Some((from, to)) = self.x_reaches {
            xs.extend([from, to].into_iter().filter(|&x| self.shown(x, 1.0)));
        }
        for series in &self.series {
            match &series.shape {
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
                Shape::Image(_) => return Some((0.0..1.0, 0.0..1.0)),
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
        (!xs.is_empty() && !ys.is_empty()).then(|| {
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
        // The first steps lie far above the rest; they would flatten the curve.
        let settled = points[settled_from(points)..].to_vec();
        let last = points.last().map_or(1.0, |p| p.0);
        let upper = Panel::new("step", "energy")
            .x_reaches(points.first().map_or(0.0, |p| p.0), last)
            .points("variational energy", settled);
        let Some(exact) = exact else {
            return Self::new(title).panel(upper);
        };
        let figure = Self::new(title).panel(upper.level("exact", exact));
        let relative =
            |&(s, e, d): &(f64, f64, f64)| (s, (e - exact).abs() / exact.abs(), d / exact.abs());
        let relative: Vec<_> = points.iter().map(relative).collect();
        // A logarithmic panel needs a positive number: there is none where every step is exact.
        if !relative.iter().any(|p| p.1.is_finite() && p.1 > 0.0) {
            return figure;
        }
        let lower = Panel::new("step", "relative error")
            .scales(Scale::Linear, Scale::Log)
            .line("|E − E₀| / |E₀|", relative.iter().map(|p| (p.0, p.1)))
            .line("standard error / |E₀|", relative.iter().map(|p| (p.0, p.2)));
        figure.panel(lower)
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
