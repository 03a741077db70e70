//! Ages, for people.

/// How old something is, seconds, in the largest unit that says enough: `35 minutes`, `26 hours`, `3 days`.
#[must_use]
pub fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_unit_says_enough() {
        let shown: Vec<_> = [59, 2_100, 93_600, 3 * 86_400].into_iter().map(age).collect();
        assert_eq!(shown, ["59 seconds", "35 minutes", "26 hours", "3 days"]);
    }
}
