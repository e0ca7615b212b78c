//! Lines in a coordinate system, as SVG.

use std::fmt::Write as _;

const SIZE: [f64; 2] = [640.0, 400.0];
const MARGIN: f64 = 56.0;
const COLOURS: [&str; 4] = ["#b5482a", "#2a6fb5", "#3d8b40", "#7a4fa3"];

/// How many marks an axis has.
const MARKS: u32 = 5;

/// Points of several lines, each with its name; both axes begin at 0.
#[must_use]
pub fn lines(title: &str, lines: &[(&str, Vec<(f64, f64)>)]) -> String {
    let [width, height] = SIZE;
    let all = || lines.iter().flat_map(|(_, points)| points);
    let most =
        |of: fn(&(f64, f64)) -> f64| all().map(of).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let (right, top) = (most(|point| point.0), most(|point| point.1));
    let x = |value: f64| MARGIN + value / right * (width - 2.0 * MARGIN);
    let y = |value: f64| height - MARGIN - value / top * (height - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"14\">{title}</text>\n"
    );
    for mark in 0..=MARKS {
        let part = f64::from(mark) / f64::from(MARKS);
        let (at_x, at_y) = (x(part * right), y(part * top));
        let _ = writeln!(
            svg,
            "<path d=\"M{MARGIN} {at_y:.1}H{:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0}</text>\
             <text x=\"{at_x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0}</text>",
            width - MARGIN,
            MARGIN - 6.0,
            at_y + 4.0,
            part * top,
            height - MARGIN + 18.0,
            part * right,
        );
    }
    for (index, ((name, points), colour)) in lines.iter().zip(COLOURS).enumerate() {
        let path: Vec<_> =
            points.iter().map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        let down = MARGIN + 16.0 * f64::from(u32::try_from(index).unwrap_or_default());
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{down:.1}\" fill=\"{colour}\">{name}</text>",
            MARGIN + 12.0
        );
    }
    svg + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_points_and_its_name() {
        let svg = lines("a title", &[("one", vec![(0.0, 0.0), (10.0, 5.0)]), ("two", vec![])]);
        assert!(svg.contains(">a title<") && svg.contains(">one<") && svg.contains(">two<"));
        assert!(svg.contains("points=\"56.0,344.0 584.0,56.0\""), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
    }
}
