//! A run as a picture: an SVG of what arrived and was done, and of how long it took, over time.

use super::tally::{Point, Summary};
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Pixels.
const SIZE: (u32, u32) = (1000, 800);
const TITLE_HEIGHT: u32 = 84;
const AXIS_WIDTH: u32 = 90;
const FONT: &str = "sans-serif";
/// Colours that differ in brightness as well, for those who do not see them apart.
const ARRIVALS: RGBColor = RGBColor(0x8a, 0x9b, 0xb0);
const DONE: RGBColor = RGBColor(0x0b, 0x5c, 0xad);
const P50: RGBColor = RGBColor(0x2a, 0x9d, 0x6f);
const P99: RGBColor = RGBColor(0xb3, 0x5c, 0x00);
const ERRORS: RGBColor = RGBColor(0xd0, 0x10, 0x20);

/// The least that an axis of rates and one of latencies shows.
const RATE_MIN: f64 = 1.0;
const LATENCY_MS_MIN: f64 = 1.0;

/// Draws it.
pub fn draw(summary: &Summary) -> Result<String> {
    let mut svg = String::new();
    // The backend writes the end of the document when it is dropped.
    draw_on(SVGBackend::with_string(&mut svg, SIZE), summary)
        .map_err(|error| anyhow!("the picture cannot be drawn: {error}"))?;
    Ok(svg)
}

fn draw_on(
    backend: SVGBackend<'_>,
    summary: &Summary,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let (head, body) = root.split_vertically(TITLE_HEIGHT);
    title(&head, summary)?;
    let (_, height) = body.dim_in_pixel();
    let (upper, lower) = body.split_vertically(height / 2);
    let end = summary.duration_s.max(1.0);
    rates(&upper, &summary.series, end)?;
    latencies(&lower, &summary.series, end)?;
    root.present()
}

fn title(area: &Area<'_>, summary: &Summary) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let lines = [
        (22, format!("负载 load：{}", summary.run)),
        (
            15,
            format!(
                "{:.1} 秒 s；到达 arrivals {}，完成 done {}（{:.1}/秒 s），未发 shed {}，错误 errors {}；p50 {:.1} ms，p99 {:.1} ms",
                summary.duration_s,
                summary.arrivals,
                summary.done,
                summary.throughput,
                summary.shed,
                summary.errors.values().sum::<u64>(),
                summary.latency_ms.p50,
                summary.latency_ms.p99,
            ),
        ),
    ];
    let mut top = 16;
    for (size, line) in lines {
        let font = (FONT, size).into_font().color(&BLACK);
        area.draw(&Text::new(line, (16, top), font))?;
        top += 32;
    }
    Ok(())
}

/// The upper half: what arrived and was done a second, and where errors were.
fn rates(
    area: &Area<'_>,
    series: &[Point],
    end: f64,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let highest = series
        .iter()
        .map(|point| point.arrivals_per_s.max(point.done_per_s))
        .fold(RATE_MIN, f64::max);
    let mut chart = prepared(area).build_cartesian_2d(0.0..end, 0.0..highest * 1.45)?;
    mesh(&mut chart, "请求/秒 requests a second")?;
    let of = |rate: fn(&Point) -> f64| series.iter().map(move |point| (point.at_s, rate(point)));
    line(
        &mut chart,
        of(|point| point.arrivals_per_s),
        "到达 arrivals",
        ARRIVALS,
    )?;
    line(&mut chart, of(|point| point.done_per_s), "完成 done", DONE)?;
    let errors = series.iter().filter(|point| point.errors > 0);
    chart
        .draw_series(errors.map(|point| {
            let cross = Cross::new((0, 0), 6, ERRORS.stroke_width(3));
            let count = Text::new(
                point.errors.to_string(),
                (8, -16),
                (FONT, 14).into_font().color(&ERRORS),
            );
            EmptyElement::at((point.at_s, point.done_per_s)) + cross + count
        }))?
        .label("错误 errors")
        .legend(|(x, y)| Cross::new((x + 12, y), 6, ERRORS.stroke_width(3)));
    legend(&mut chart)
}

/// The lower half: latencies on a logarithmic axis.
fn latencies(
    area: &Area<'_>,
    series: &[Point],
    end: f64,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let known = || {
        series
            .iter()
            .filter_map(|point| Some((point.at_s, point.p50?, point.p99?)))
    };
    let highest = known()
        .map(|(_, _, p99)| p99)
        .fold(LATENCY_MS_MIN, f64::max);
    let lowest = known().map(|(_, p50, _)| p50).fold(highest, f64::min);
    let lowest = (lowest / 2.0).max(LATENCY_MS_MIN / 10.0);
    let range = (lowest..highest * 8.0).log_scale();
    let mut chart = prepared(area).build_cartesian_2d(0.0..end, range)?;
    mesh(&mut chart, "时延/毫秒 latency, ms (log)")?;
    line(
        &mut chart,
        known().map(|(at, p50, _)| (at, p50)),
        "p50",
        P50,
    )?;
    line(
        &mut chart,
        known().map(|(at, _, p99)| (at, p99)),
        "p99",
        P99,
    )?;
    legend(&mut chart)
}

type Chart<'a, 'b, Y> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<plotters::coord::types::RangedCoordf64, Y>>;

fn prepared<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder
        .margin(12)
        .margin_right(28)
        .x_label_area_size(48)
        .y_label_area_size(AXIS_WIDTH);
    builder
}

fn mesh<Y>(
    chart: &mut Chart<'_, '_, Y>,
    title: &str,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>>
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .x_desc("时间/秒 time, s")
        .y_desc(title)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .axis_desc_style((FONT, 16))
        .label_style((FONT, 14))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()
}

/// Without places that say nothing.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the formatter's form")]
fn number(value: &f64) -> String {
    ((value * 100.0).round() / 100.0).to_string()
}

fn line<'a, 'b: 'a, Y>(
    chart: &mut Chart<'a, 'b, Y>,
    points: impl Iterator<Item = (f64, f64)> + Clone,
    name: &str,
    colour: RGBColor,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>>
where
    Y: Ranged<ValueType = f64>,
{
    let style = colour.stroke_width(2);
    chart
        .draw_series(LineSeries::new(points.clone(), style))?
        .label(name)
        .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 24, y)], style));
    chart.draw_series(points.map(|point| Circle::new(point, 2, colour.filled())))?;
    Ok(())
}

fn legend<'a, 'b: 'a, Y>(
    chart: &mut Chart<'a, 'b, Y>,
) -> Result<(), DrawingAreaErrorKind<std::io::Error>>
where
    Y: Ranged<ValueType = f64>,
{
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .legend_area_size(32)
        .label_font((FONT, 15))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()
}

#[cfg(test)]
mod tests {
    use super::super::tally::tests::summary;
    use super::*;

    #[test]
    fn the_picture_names_everything_that_it_shows() {
        let mut summary = summary();
        summary.run = "<a & b>".to_owned();
        let svg = draw(&summary).unwrap();
        assert!(svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("&lt;a &amp; b&gt;"), "{svg}");
        for text in [
            "到达 arrivals",
            "完成 done",
            "错误 errors",
            "p50",
            "p99",
            "时间/秒 time, s",
            "请求/秒 requests a second",
            "时延/毫秒 latency, ms (log)",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        // A run in which nothing was answered is still a picture.
        summary.series.clear();
        assert!(draw(&summary).unwrap().contains("p99"));
    }
}
