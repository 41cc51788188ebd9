//! Lines for spreadsheets (C13).

use std::borrow::Cow;

/// A cell that no spreadsheet takes for a formula.
pub(crate) fn safe(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// These lines, quoted where they must be (RFC 4180).
pub(crate) fn lines<const N: usize>(
    rows: impl IntoIterator<Item = [String; N]>,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| safe(cell).into_owned()))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert_eq!(safe(cell), format!("'{cell}"));
        }
        for cell in ["", "Ada", "a=b", "ada@example.com", "'=1", "1-1"] {
            assert_eq!(safe(cell), cell);
        }
    }

    #[test]
    fn c13_cells_are_quoted_where_they_must_be() {
        let row = ["a,b", "say \"hi\"", "two\nlines", "=x, y"].map(str::to_owned);
        let text = String::from_utf8(lines([row]).unwrap()).unwrap();
        assert_eq!(text, "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"'=x, y\"\r\n");
    }
}
