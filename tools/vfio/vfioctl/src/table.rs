// SPDX-License-Identifier: GPL-2.0-only

//! Columns of text, as wide as what is in them.

/// Returns the rows as lines, with two spaces between columns and none at the ends.
pub(crate) fn lines<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "bcd", ""], ["efg", "h", "i"]].map(|row| row.map(str::to_owned));
        assert_eq!(lines(&rows), ["a    bcd", "efg  h    i"]);
    }
}
