//! Two sorted lists, side by side.

use std::cmp::Ordering;

use crate::context::Context;
use crate::error::Result;

/// Calls `visit` for everything that is in either list, in order, with what each has there.
///
/// # Errors
/// Those of the lists and of `visit`.
pub(crate) fn each_pair<T>(
    mut old: impl Iterator<Item = Result<T>>,
    mut new: impl Iterator<Item = Result<T>>,
    order: impl Fn(&T, &T) -> Ordering,
    context: &Context,
    mut visit: impl FnMut(Option<T>, Option<T>) -> Result<()>,
) -> Result<()> {
    let (mut left, mut right) = (old.next().transpose()?, new.next().transpose()?);
    loop {
        context.proceed()?;
        let order = match (&left, &right) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(left), Some(right)) => order(left, right),
        };
        let was = if order.is_le() { std::mem::replace(&mut left, old.next().transpose()?) } else { None };
        let is = if order.is_ge() { std::mem::replace(&mut right, new.next().transpose()?) } else { None };
        visit(was, is)?;
    }
}
