//! Aligned columns.

/// Rows of text under a head; some columns to the right.
pub(crate) struct Table {
    right: &'static [usize],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head; the columns in `right` are aligned to the right.
    pub(crate) fn new(head: &[&str], right: &'static [usize]) -> Self {
        Self { right, rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// One more row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines; no line ends in blanks.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(row.len().max(widths.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        self.rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                if self.right.contains(&column) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            })
            .collect();
        cells.join("  ").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["Id", "Size", "Tags"], &[1]);
        table.row(vec!["ab".into(), "1.0 KiB".into(), String::new()]);
        table.row(vec!["längst".into(), "7 B".into(), "x".into()]);
        assert_eq!(table.lines(), ["Id         Size  Tags", "ab      1.0 KiB", "längst      7 B  x"]);
    }
}
