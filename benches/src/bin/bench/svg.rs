//! Plots as SVG: lines, and bars. They read on light and dark pages.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
/// Room for numbers and words around the plot: left, right, top, bottom.
const ROOM: [f64; 4] = [64.0, 136.0, 36.0, 44.0];
/// Told apart also by those who see few colours (Okabe, Ito 2008).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const BAR: f64 = 20.0;

/// A line of a plot.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Lines over an axis each that begins at zero.
pub(crate) fn lines(title: &str, x_axis: &str, y_axis: &str, series: &[Series]) -> String {
    let points = || series.iter().flat_map(|series| &series.points);
    let x_most = ceiling(points().map(|point| point.0).fold(0.0, f64::max));
    let y_most = ceiling(points().map(|point| point.1).fold(0.0, f64::max));
    let [left, right, top, bottom] = ROOM;
    let x = |value: f64| left + value / x_most * (WIDTH - left - right);
    let y = |value: f64| HEIGHT - bottom - value / y_most * (HEIGHT - top - bottom);
    let mut svg = begin(title, HEIGHT);
    for tick in 0..=4 {
        let part = f64::from(tick) / 4.0;
        let (at, value) = (y(part * y_most), number(part * y_most));
        let _ = writeln!(svg, r#"<path class="grid" d="M{left:.1} {at:.1}H{:.1}"/>"#, WIDTH - right);
        let _ = writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{value}</text>"#,
            left - 6.0,
            at + 4.0
        );
        let (at, value) = (x(part * x_most), number(part * x_most));
        let _ = writeln!(
            svg,
            r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{value}</text>"#,
            HEIGHT - 26.0
        );
    }
    let middle = (left + WIDTH - right) / 2.0;
    let _ = writeln!(
        svg,
        r#"<text x="{middle:.1}" y="{:.1}" text-anchor="middle">{x_axis}</text>"#,
        HEIGHT - 8.0
    );
    let _ = writeln!(svg, r#"<text x="8" y="{:.1}">{y_axis}</text>"#, top - 4.0);
    for (place, (series, colour)) in series.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let path: Vec<String> =
            series.points.iter().map(|(a, b)| format!("{:.1} {:.1}", x(*a), y(*b))).collect();
        let _ = writeln!(
            svg,
            r#"<path fill="none" stroke="{colour}" stroke-width="2" d="M{}"/>"#,
            path.join("L")
        );
        for (a, b) in &series.points {
            let _ = writeln!(svg, r#"<circle fill="{colour}" cx="{:.1}" cy="{:.1}" r="3"/>"#, x(*a), y(*b));
        }
        let at = top + 12.0 + 18.0 * place as f64;
        let _ = writeln!(
            svg,
            r#"<rect fill="{colour}" x="{:.1}" y="{:.1}" width="10" height="10"/><text x="{:.1}" y="{at:.1}">{}</text>"#,
            WIDTH - right + 10.0,
            at - 9.0,
            WIDTH - right + 26.0,
            series.name
        );
    }
    svg + "</svg>\n"
}

/// Groups of bars, one below another; all are of one unit. A bar is a name and a value.
pub(crate) fn bars(title: &str, groups: &[(String, Vec<(String, f64)>)]) -> String {
    let most = groups.iter().flat_map(|group| &group.1).map(|bar| bar.1).fold(0.0, f64::max);
    let rows: usize = groups.iter().map(|group| group.1.len()).sum();
    let height = 40.0 + BAR * (rows as f64 + 1.5 * groups.len() as f64);
    let left = 110.0;
    let mut svg = begin(title, height);
    let mut at = 36.0;
    for (name, bars) in groups {
        at += BAR;
        let _ = writeln!(svg, r#"<text x="8" y="{at:.1}" font-weight="bold">{name}</text>"#);
        for (bar, value) in bars {
            // What is measured has the first colour, what it is measured against the last.
            let colour = if bar == "dtrvault" { COLOURS[0] } else { COLOURS[5] };
            let width = value / most * (WIDTH - left - 80.0);
            let _ = writeln!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{bar}</text><rect fill="{colour}" x="{left}" y="{:.1}" width="{width:.1}" height="{:.1}"/><text x="{:.1}" y="{:.1}">{}</text>"#,
                left - 6.0,
                at + 18.0,
                at + 6.0,
                BAR - 4.0,
                left + width + 6.0,
                at + 18.0,
                number(*value)
            );
            at += BAR;
        }
        at += BAR / 2.0;
    }
    svg + "</svg>\n"
}

fn begin(title: &str, height: f64) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" font-family="sans-serif" font-size="12">
<style>text {{ fill: #24292f }} .grid {{ stroke: #8886; stroke-width: 1 }} @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} }}</style>
<text x="8" y="16" font-size="14" font-weight="bold">{title}</text>
"#
    )
}

/// The least number of 1, 2, 4, 6, 8 times a power of ten that is not less than `value`.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    steps.iter().map(|step| step * power).find(|step| *step >= value).unwrap_or(10.0 * power)
}

/// About three digits.
fn number(value: f64) -> String {
    if value >= 100.0 || value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        let found = [0.0, 0.03, 1.0, 3.7, 9.0, 30.0, 1999.0].map(ceiling);
        assert_eq!(found.map(number), ["1", "0.04", "1", "4", "10", "40", "2000"]);
    }
}
