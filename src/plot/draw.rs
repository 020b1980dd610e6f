use super::axis::{Axis, to_page};
use super::{FONT, Image, Panel, Series, Shape};
use plotters::prelude::*;
use std::ops::Range;

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

pub(super) type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;
pub(super) type DrawError<'a> =
    DrawingAreaErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>;

pub(super) fn draw<'a>(
    panel: &Panel,
    x: Range<f64>,
    y: Range<f64>,
    area: &Area<'a>,
) -> Result<(), DrawError<'a>> {
    if let Some(Shape::Image(image)) = panel.series.first().map(|s| &s.shape) {
        return draw_image(&panel.x_label, image, area);
    }
    let (sx, sy) = (panel.x_scale, panel.y_scale);
    let page = |x: f64, y: f64| (to_page(x, sx), to_page(y, sy));
    let ends = (x.start, x.end);
    let floor = y.start;
    let heights = (y.start, y.end);
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
    for Series {
        name,
        shape,
        colour,
    } in &panel.series
    {
        let colour = COLOURS[colour % COLOURS.len()];
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
            Shape::Level(_) | Shape::Image(_) => continue,
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
    if panel.series.iter().any(|s| !s.name.is_empty()) {
        chart
            .configure_series_labels()
            .position(emptiest_corner(panel, ends, heights))
            .margin(12)
            .legend_area_size(34)
            .label_font((FONT, 18))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .draw()?;
    }
    Ok(())
}

/// The corner where a legend hides the fewest points; the upper right one among equals.
fn emptiest_corner(panel: &Panel, x: (f64, f64), y: (f64, f64)) -> SeriesLabelPosition {
    let place = |v: f64, scale, ends: (f64, f64)| (to_page(v, scale) - ends.0) / (ends.1 - ends.0);
    let at = |px: f64, py: f64| {
        let shown = panel.shown(px, py);
        shown.then(|| (place(px, panel.x_scale, x), place(py, panel.y_scale, y)))
    };
    let seen: Vec<(f64, f64)> = panel
        .series
        .iter()
        .flat_map(|series| match &series.shape {
            Shape::Line(points) => points.iter().filter_map(|p| at(p.0, p.1)).collect(),
            Shape::Points(points) => points.iter().filter_map(|p| at(p.0, p.1)).collect(),
            Shape::Level(_) | Shape::Image(_) => Vec::new(),
        })
        .collect();
    let hidden = |right: bool, upper: bool| {
        let near = |v: f64, high: bool, reach: f64| if high { v > 1.0 - reach } else { v < reach };
        let covers = |p: &&(f64, f64)| near(p.0, right, 0.3) && near(p.1, upper, 0.35);
        seen.iter().filter(covers).count()
    };
    [
        (true, true, SeriesLabelPosition::UpperRight),
        (false, true, SeriesLabelPosition::UpperLeft),
        (true, false, SeriesLabelPosition::LowerRight),
        (false, false, SeriesLabelPosition::LowerLeft),
    ]
    .into_iter()
    .min_by_key(|&(right, upper, _)| hidden(right, upper))
    .map_or(SeriesLabelPosition::UpperRight, |(_, _, corner)| corner)
}

/// Grey squares as large as the area allows, centred below their caption.
fn draw_image<'a>(caption: &str, image: &Image, area: &Area<'a>) -> Result<(), DrawError<'a>> {
    const HEAD: usize = 34;
    let (width, height) = area.dim_in_pixel();
    let rows = image.pixels.len() / image.width;
    let room = (height as usize).saturating_sub(HEAD + 8);
    let side = (width as usize / image.width).min(room / rows).max(1);
    let left = (width as usize).saturating_sub(side * image.width) / 2;
    area.draw(&Text::new(
        caption.to_owned(),
        (left as i32, 8),
        (FONT, 20).into_font(),
    ))?;
    for (k, &level) in image.pixels.iter().enumerate() {
        let (x, y) = (left + k % image.width * side, HEAD + k / image.width * side);
        let corner = (x as i32, y as i32);
        let opposite = ((x + side) as i32, (y + side) as i32);
        let grey = (255.0 * level.clamp(0.0, 1.0)).round() as u8;
        area.draw(&Rectangle::new(
            [corner, opposite],
            RGBColor(grey, grey, grey).filled(),
        ))?;
    }
    Ok(())
}
