//! Numbers of a document.

use plist::{Dictionary, Value};

/// Returns `None` without the key, and `Some(None)` if its value is not a number of at least
/// 0.
pub(super) fn number(part: &Dictionary, key: &str) -> Option<Option<f64>> {
    let number = match part.get(key)? {
        Value::Integer(integer) => integer
            .as_signed()
            .map(|value| value as f64)
            .or_else(|| integer.as_unsigned().map(|value| value as f64)),
        Value::Real(real) => Some(*real),
        _ => None,
    };
    Some(number.filter(|value| value.is_finite() && *value >= 0.0))
}
