//! Sizes, as people write and read them.

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// A number of bytes for people: three digits or so, binary units.
pub(crate) fn human(bytes: u64) -> String {
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = 0;
    // As soon as rounding would show four digits, the next unit is the right one.
    while tenths >= 10_235 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    match unit {
        0 => format!("{bytes} B"),
        _ if tenths < 1000 => format!("{}.{} {name}", tenths / 10, tenths % 10),
        _ => format!("{} {name}", (tenths + 5) / 10),
    }
}

/// Reads a size: a whole number, and a unit if it is not bytes. `K`, `M`, `G`, `T` and their
/// forms with `iB` are binary, with `B` alone decimal.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 =
        number.parse().map_err(|_| format!("'{text}' is no size: write 64MiB, or a number of bytes"))?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(format!("'{text}' has no unit of sizes: use KiB, MiB, GiB or TiB")),
    };
    number.checked_mul(factor).ok_or_else(|| format!("'{text}' is more than can be counted"))
}

/// `part` to `whole` as `3.4×`; nothing when there is nothing to divide by.
pub(crate) fn ratio(whole: u64, part: u64) -> Option<String> {
    let tenths = (u128::from(whole) * 10 + u128::from(part) / 2).checked_div(u128::from(part))?;
    Some(if tenths < 1000 {
        format!("{}.{}×", tenths / 10, tenths % 10)
    } else {
        format!("{}×", tenths / 10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("64MiB", 64 << 20),
            ("64m", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1g", 1 << 30),
            ("1GB", 1_000_000_000),
            (" 2TiB ", 2 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5G", "12 parsecs", "0x10", "99999999999TiB", "٣"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_with_three_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (102_400, "100 KiB"),
            (1_048_575, "1.0 MiB"),
            (64 << 20, "64.0 MiB"),
            (300 << 30, "300 GiB"),
            (u64::MAX, "16777216 TiB"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn ratios_are_shown() {
        assert_eq!(ratio(30, 10).as_deref(), Some("3.0×"));
        assert_eq!(ratio(10, 3).as_deref(), Some("3.3×"));
        assert_eq!(ratio(10, 20).as_deref(), Some("0.5×"));
        assert_eq!(ratio(u64::MAX, 1).as_deref(), Some("18446744073709551615×"));
        assert_eq!(ratio(10, 0), None);
    }
}
