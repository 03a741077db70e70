//! Header templates: a tar header without what differs from member to member.
//!
//! As stored, 516 bytes: lengths of the name's prefix and suffix, the form of what stands
//! between them, how many digits the checksum has, and the header with name, size, time and
//! checksum blanked. Fields as in POSIX.1-2017 `pax`, "ustar Interchange Format".

use std::ops::Range;

use super::TAR_BLOCK_BYTES;

/// Length of a template as stored, bytes.
pub(crate) const TEMPLATE_BYTES: usize = 4 + TAR_BLOCK_BYTES;
/// Longest name in a header, bytes.
pub(crate) const NAME_BYTES: usize = 100;
/// Most digits of a counter: below 2^63 with room to spare.
pub(crate) const MAX_DIGITS: usize = 18;
/// The greatest number of so many digits.
pub(crate) const MAX_NUMBER: u64 = 10_u64.pow(MAX_DIGITS as u32) - 1;

const SIZE: Range<usize> = 124..135;
const TIME: Range<usize> = 136..147;
const CHECKSUM: Range<usize> = 148..156;
/// Longest text around a counter in the last part of a name, bytes. What has more is
/// probably no counter.
const MAX_AROUND_BYTES: usize = 24;

/// What stands between a name's prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Middle<'a> {
    /// A decimal number.
    Number(u64),
    /// Any bytes but NUL.
    Text(&'a [u8]),
}

/// A header without what differs from member to member.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    stored: [u8; TEMPLATE_BYTES],
    /// Sum of the header's bytes, its checksum counted as spaces.
    sum: u32,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variable<'a> {
    pub(crate) middle: Middle<'a>,
    pub(crate) time: u64,
}

impl Variable<'_> {
    /// Whether the name is a text that a template with a number might take as well.
    pub(crate) fn hides_counter(&self) -> bool {
        matches!(self.middle, Middle::Text(text) if counter(text).is_some())
    }
}

impl Template {
    /// The template that these bytes are.
    pub(crate) fn new(stored: [u8; TEMPLATE_BYTES]) -> Result<Self, &'static str> {
        let [prefix, suffix, digits, checksum, header @ ..] = &stored;
        if usize::from(*prefix) + usize::from(*suffix) > NAME_BYTES {
            return Err("a template's name is too long");
        }
        if usize::from(*digits) > MAX_DIGITS || !matches!(checksum, 6 | 7) {
            return Err("a template has an odd number of digits");
        }
        let around = usize::from(*prefix) + usize::from(*suffix);
        let blank =
            |range: Range<usize>| header.get(range).is_some_and(|field| field.iter().all(|&b| b == 0));
        let checksum_end = CHECKSUM.start + usize::from(*checksum);
        if !(blank(around..NAME_BYTES) && blank(SIZE) && blank(TIME) && blank(CHECKSUM.start..checksum_end)) {
            return Err("a template is not blank where it should be");
        }
        let without_checksum = header.iter().enumerate().filter(|(at, _)| !CHECKSUM.contains(at));
        let sum = without_checksum.map(|(_, &byte)| u32::from(byte)).sum::<u32>() + 8 * u32::from(b' ');
        Ok(Self { stored, sum })
    }

    pub(crate) fn stored(&self) -> &[u8; TEMPLATE_BYTES] {
        &self.stored
    }

    fn lengths(&self) -> (usize, usize, usize, usize) {
        let [prefix, suffix, digits, checksum, ..] = self.stored;
        (usize::from(prefix), usize::from(suffix), usize::from(digits), usize::from(checksum))
    }

    /// Whether names of this template hold a number.
    pub(crate) fn is_counter(&self) -> bool {
        self.lengths().2 > 0
    }

    fn header(&self) -> &[u8] {
        self.stored.get(4..).unwrap_or_default()
    }

    /// The header of a member; `None` when its name has no room.
    pub(crate) fn fill(&self, variable: Variable<'_>, size: u64) -> Option<[u8; TAR_BLOCK_BYTES]> {
        let (prefix, suffix, width, checksum_digits) = self.lengths();
        let mut header: [u8; TAR_BLOCK_BYTES] = self.header().try_into().ok()?;
        let mut sum = self.sum;
        let mut digits = [0; 20];
        let middle = match variable.middle {
            Middle::Number(number) => decimal(number, width, &mut digits)?,
            Middle::Text(text) => text,
        };
        if prefix + middle.len() + suffix > NAME_BYTES {
            return None;
        }
        header.copy_within(prefix..prefix + suffix, prefix + middle.len());
        header.get_mut(prefix..prefix + middle.len())?.copy_from_slice(middle);
        sum += middle.iter().map(|&byte| u32::from(byte)).sum::<u32>();
        sum += octal(header.get_mut(SIZE)?, size)?;
        sum += octal(header.get_mut(TIME)?, variable.time)?;
        octal(header.get_mut(CHECKSUM.start..CHECKSUM.start + checksum_digits)?, u64::from(sum))?;
        Some(header)
    }

    /// What differs in `header`, if it can be of this template. To be held against
    /// [`Template::fill`].
    pub(crate) fn read<'a>(&self, header: &'a [u8; TAR_BLOCK_BYTES]) -> Option<Variable<'a>> {
        let (prefix, suffix, width, checksum_digits) = self.lengths();
        let own = self.header();
        let same = |range: Range<usize>| header.get(range.clone()) == own.get(range);
        let rest = CHECKSUM.start + checksum_digits..TAR_BLOCK_BYTES;
        if !(same(rest) && same(NAME_BYTES..SIZE.start) && same(0..prefix)) {
            return None;
        }
        let name = header.split_at(NAME_BYTES).0;
        let len = name.iter().position(|&byte| byte == 0).unwrap_or(NAME_BYTES);
        let end = len.checked_sub(suffix)?;
        let middle = name.get(prefix..end)?;
        if name.get(end..len) != own.get(prefix..prefix + suffix) {
            return None;
        }
        let middle = if width > 0 {
            let number = parse(middle, 10).filter(|_| middle.len() <= MAX_DIGITS)?;
            Middle::Number(number)
        } else {
            // A text that could hold the rest of a path would make other templates useless.
            if middle.contains(&b'/') {
                return None;
            }
            Middle::Text(middle)
        };
        Some(Variable { middle, time: parse(header.get(TIME)?, 8)? })
    }

    /// A template for `header`, if it has the usual form. `by_number` says whether a number in
    /// the name may be taken for a counter.
    pub(crate) fn of(header: &[u8; TAR_BLOCK_BYTES], by_number: bool) -> Option<Self> {
        let name = header.split_at(NAME_BYTES).0;
        let len = name.iter().position(|&byte| byte == 0).unwrap_or(NAME_BYTES);
        let base = name.get(..len)?.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
        let counter = if by_number { counter(name.get(base..len)?) } else { None };
        let middle = counter.clone().map_or(base..len, |found| base + found.start..base + found.end);
        let digits =
            name.get(middle.clone()).filter(|_| counter.is_some()).map_or(0, |digits| match digits {
                [b'0', ..] => digits.len(),
                _ => 1,
            });
        let checksum_digits = match header.get(CHECKSUM.start + 6)? {
            b'0'..=b'7' => 7,
            _ => 6,
        };
        let mut stored = [0; TEMPLATE_BYTES];
        let (lengths, blanked) = stored.split_at_mut(4);
        let lengths_of = [middle.start, len - middle.end, digits, checksum_digits];
        for (to, from) in lengths.iter_mut().zip(lengths_of) {
            *to = u8::try_from(from).ok()?;
        }
        blanked.copy_from_slice(header);
        blanked.copy_within(middle.end..len, middle.start);
        blanked.get_mut(middle.start + len - middle.end..len)?.fill(0);
        for field in [SIZE, TIME, CHECKSUM.start..CHECKSUM.start + checksum_digits] {
            blanked.get_mut(field)?.fill(0);
        }
        Self::new(stored).ok()
    }
}

/// The only run of digits in the last part of a name, when it looks like a counter.
fn counter(base: &[u8]) -> Option<Range<usize>> {
    let start = base.iter().position(u8::is_ascii_digit)?;
    let end = start + base.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let other = base.get(end..)?.iter().any(u8::is_ascii_digit);
    let around = base.len() - (end - start);
    (!other && end - start <= MAX_DIGITS && around <= MAX_AROUND_BYTES).then_some(start..end)
}

/// `number` in decimal with at least `width` digits.
fn decimal(mut number: u64, width: usize, digits: &mut [u8; 20]) -> Option<&[u8]> {
    let mut start = digits.len();
    while number > 0 || digits.len() - start < width {
        start = start.checked_sub(1)?;
        *digits.get_mut(start)? = b'0' + (number % 10) as u8;
        number /= 10;
    }
    digits.get(start..)
}

/// Fills `field` with `value` in octal; the sum of the digits as bytes, or `None` when it has no room.
fn octal(field: &mut [u8], mut value: u64) -> Option<u32> {
    let mut sum = 0;
    for byte in field.iter_mut().rev() {
        *byte = b'0' + (value & 7) as u8;
        sum += u32::from(*byte);
        value >>= 3;
    }
    (value == 0).then_some(sum)
}

/// A number of these digits and nothing else.
fn parse(digits: &[u8], base: u8) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit < base)?;
        value.checked_mul(u64::from(base))?.checked_add(u64::from(digit))
    })
}
