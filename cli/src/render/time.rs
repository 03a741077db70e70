//! Times and durations, as people and programs read them.

use dtrvault_ops::format::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

fn timestamp(time: Time) -> Option<Timestamp> {
    Timestamp::new(time.secs, i32::try_from(time.nanos).ok()?).ok()
}

/// For programs: RFC 3339, UTC. Beyond the years that it can write: `@` and seconds.
pub(crate) fn utc(time: Time) -> String {
    timestamp(time).map_or_else(|| format!("@{}", time.secs), |at| at.to_string())
}

/// For people: RFC 3339 to the second, in the zone of this machine.
pub(crate) fn local(time: Time) -> String {
    in_zone(time, TimeZone::system())
}

fn in_zone(time: Time, zone: TimeZone) -> String {
    match timestamp(time) {
        Some(at) => at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
        None => format!("@{}", time.secs),
    }
}

/// How long something took: `0.8 s`, `12 s`, `3 min 05 s`, `2 h 03 min`.
pub(crate) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Reads a duration in whole seconds: `90`, `90s`, `3m`, `1h`.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn parse_seconds(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, factor) = match text.char_indices().next_back() {
        Some((at, 's')) => (text.get(..at), 1),
        Some((at, 'm')) => (text.get(..at), 60),
        Some((at, 'h')) => (text.get(..at), 3600),
        _ => (Some(text), 1),
    };
    let seconds = number.and_then(|number| number.parse::<u64>().ok()).and_then(|n| n.checked_mul(factor));
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(seconds),
        _ => Err(format!("'{text}' is no time to wait: write 90s, 3m or 1h, one day at most")),
    }
}

/// Reads an age in whole seconds: as [`parse_seconds`], or `2d`, and as long as one likes.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn parse_age(text: &str) -> Result<i64, String> {
    let bad = || format!("'{text}' is no age: write 26h or 2d");
    let text = text.trim();
    let (at, unit) = text.char_indices().next_back().ok_or_else(bad)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let number: i64 = text.get(..at).and_then(|number| number.parse().ok()).ok_or_else(bad)?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let time = Time { secs: 1_700_000_000, nanos: 500_000_000 };
        assert_eq!(utc(time), "2023-11-14T22:13:20.5Z");
        let zone = TimeZone::fixed(jiff::tz::offset(-5));
        assert_eq!(in_zone(time, zone), "2023-11-14 17:13:20-05:00");
        assert_eq!(utc(Time::from_secs(i64::MIN)), format!("@{}", i64::MIN));
        assert_eq!(local(Time::from_secs(i64::MAX)), format!("@{}", i64::MAX));
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let shown: Vec<_> = [0, 850, 9_999, 59_999, 185_000, 7_380_000].into_iter().map(duration).collect();
        assert_eq!(shown, ["0.0 s", "0.8 s", "9.9 s", "59 s", "3 min 05 s", "2 h 03 min"]);
    }

    #[test]
    fn ages_are_read() {
        assert_eq!(parse_age("26h").unwrap(), 93_600);
        assert_eq!(parse_age("2d").unwrap(), 172_800);
        for text in ["", "d", "2", "-2d", "0h", "9223372036854775807d", "2é"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn patience_is_read() {
        assert_eq!(parse_seconds("90").unwrap(), 90);
        assert_eq!(parse_seconds("90s").unwrap(), 90);
        assert_eq!(parse_seconds("3m").unwrap(), 180);
        assert_eq!(parse_seconds("1h").unwrap(), 3600);
        for text in ["", "s", "0", "-1s", "25h", "18446744073709551615h", "1é"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
