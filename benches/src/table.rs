//! Medians, spreads, ratios, and tables in Markdown.

use std::fmt::Write as _;
use std::time::Duration;

/// The least, the middle, and the greatest of some durations; `None` if there are none.
#[must_use]
pub fn spread(samples: &[Duration]) -> Option<(Duration, Duration, Duration)> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    Some((*sorted.first()?, *sorted.get(sorted.len() / 2)?, *sorted.last()?))
}

/// The least, the middle, and the greatest of some numbers; not numbers if there are none.
#[must_use]
pub fn extent(samples: &[f64]) -> [f64; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    [at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1))]
}

/// The middle of some numbers.
#[must_use]
pub fn median(samples: &[f64]) -> f64 {
    let [_, middle, _] = extent(samples);
    middle
}

/// The median of what each round's number is to the same round's other number.
#[must_use]
pub fn ratio(samples: &[f64], others: &[f64]) -> f64 {
    median(&samples.iter().zip(others).map(|(sample, other)| sample / other).collect::<Vec<_>>())
}

/// `median (least - greatest)`, with this many digits behind the point.
#[must_use]
pub fn shown(samples: &[f64], digits: usize) -> String {
    let [least, middle, most] = extent(samples);
    if middle.is_nan() {
        return "-".to_owned();
    }
    format!("{middle:.digits$} ({least:.digits$} - {most:.digits$})")
}

/// `1.23 ×`, or a dash for what is no number.
#[must_use]
pub fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("{ratio:.2} ×") } else { "-".to_owned() }
}

/// A table in the making.
#[derive(Debug, Default)]
pub struct Table {
    text: String,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        let mut table = Self::default();
        table.row(columns);
        let _ = writeln!(table.text, "|{}", "---|".repeat(columns.len()));
        table
    }

    /// Adds a line.
    pub fn row(&mut self, cells: &[impl AsRef<str>]) {
        let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    /// As Markdown.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_whatever_the_order() {
        let [one, two, nine] = [1, 2, 9].map(Duration::from_millis);
        assert_eq!(spread(&[nine, one, two]), Some((one, two, nine)));
        assert_eq!(spread(&[]), None);
        assert_eq!(shown(&[9.0, 1.0, 2.04], 1), "2.0 (1.0 - 9.0)");
        assert_eq!(shown(&[], 1), "-");
    }

    #[test]
    fn a_ratio_is_of_numbers_of_the_same_round() {
        // The machine was slow in the second round, for both alike.
        assert_eq!(times(ratio(&[30.0, 3.0, 30.0], &[10.0, 1.0, 10.0])), "3.00 ×");
        assert_eq!(times(ratio(&[], &[])), "-");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["way", "n"]);
        table.row(&["direct", "1"]);
        assert_eq!(table.finish(), "| way | n |\n|---|---|\n| direct | 1 |\n");
    }
}
