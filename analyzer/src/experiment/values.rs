//! Lists and ranges of values on the command line.
//!
//! ```text
//! 1,2,8        these values
//! 1..4         1, 2, 3, 4
//! 64..512+64   64, 128, ..., 512     adds 64
//! 64..4096x2   64, 128, ..., 4096    multiplies by 2
//! ```
//!
//! A range contains its end if a step reaches it.

use std::ops::RangeInclusive;

/// Most values of one factor.
const MOST: usize = 10_000;

/// Step of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RangeStep {
    Add(u64),
    Multiply(u64),
}

/// Parses a list of whole numbers and ranges; a value that is listed twice counts once.
///
/// # Errors
/// Names the part that is none, or a number outside of `allowed`.
pub(super) fn numbers(text: &str, allowed: &RangeInclusive<u64>) -> Result<Vec<u64>, String> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim) {
        let values = match part.split_once("..") {
            Some((start, end)) => range(part, start, end)?,
            None => vec![number(part)?],
        };
        if let Some(wrong) = values.iter().find(|value| !allowed.contains(value)) {
            return Err(format!("{wrong} is out of range; {}", accepted(allowed)));
        }
        for value in values {
            if !all.contains(&value) {
                all.push(value);
            }
        }
    }
    Ok(all)
}

/// Describes accepted numbers.
pub(super) fn accepted(allowed: &RangeInclusive<u64>) -> String {
    format!(
        "use numbers from {} to {}, lists such as 1,2,4, or ranges such as 1..4, 64..512+64 or \
         64..4096x2",
        allowed.start(),
        allowed.end()
    )
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = text.trim().parse();
    parsed.map_err(|_| {
        format!(
            "`{text}` is no number or range; write lists such as 1,2,4, or ranges such as 1..4, \
             64..512+64 or 64..4096x2"
        )
    })
}

fn range(text: &str, start: &str, end: &str) -> Result<Vec<u64>, String> {
    let (end, step) = match (end.split_once('x'), end.split_once('+')) {
        (Some((end, factor)), _) => (end, RangeStep::Multiply(number(factor)?)),
        (_, Some((end, step))) => (end, RangeStep::Add(number(step)?)),
        _ => (end, RangeStep::Add(1)),
    };
    let (start, end) = (number(start)?, number(end)?);
    if start > end {
        return Err(format!("range {text} is empty: {start} exceeds {end}"));
    }
    let next = |value: u64| match step {
        RangeStep::Add(step) => value.checked_add(step),
        RangeStep::Multiply(factor) => value.checked_mul(factor),
    };
    let mut values = vec![start];
    let mut value = start;
    while let Some(following) = next(value).filter(|following| *following <= end) {
        if following <= value {
            return Err(format!(
                "range {text} never ends; add at least 1, or multiply by at least 2"
            ));
        }
        values.push(following);
        if values.len() > MOST {
            return Err(format!("range {text} has more than {MOST} values"));
        }
        value = following;
    }
    Ok(values)
}

/// Splits a list of texts at commas; empty parts are refused.
///
/// # Errors
/// If a part is empty.
pub(super) fn texts(text: &str) -> Result<Vec<String>, String> {
    let mut all: Vec<String> = Vec::new();
    for part in text.split(',').map(str::trim) {
        if part.is_empty() {
            return Err(format!(
                "`{text}` has an empty value; write a list such as a,b"
            ));
        }
        if !all.iter().any(|known| known == part) {
            all.push(part.to_owned());
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: RangeInclusive<u64> = 0..=u64::MAX;

    #[test]
    fn lists_and_ranges_are_expanded_in_order() {
        for (text, expected) in [
            ("4", vec![4]),
            ("1,2,8", vec![1, 2, 8]),
            ("8,1,8", vec![8, 1]),
            ("1..4", vec![1, 2, 3, 4]),
            ("64..256x2", vec![64, 128, 256]),
            ("64..255x2", vec![64, 128]),
            ("64..200+64", vec![64, 128, 192]),
            ("5..5", vec![5]),
            ("1..8x2,6,1..2", vec![1, 2, 4, 8, 6]),
            (
                "18446744073709551615..18446744073709551615x2",
                vec![u64::MAX],
            ),
        ] {
            assert_eq!(numbers(text, &ALL), Ok(expected), "{text}");
        }
    }

    #[test]
    fn faults_name_the_part() {
        for (text, fault) in [
            ("", "`` is no number"),
            ("1,,2", "`` is no number"),
            ("many", "`many` is no number"),
            ("-1", "`-1` is no number"),
            ("1..", "`` is no number"),
            ("8..1", "range 8..1 is empty"),
            ("1..8x1", "never ends"),
            ("1..8+0", "never ends"),
            ("0..8x2", "never ends"),
            ("1..100000", "more than 10000 values"),
        ] {
            let error = numbers(text, &ALL).unwrap_err();
            assert!(error.contains(fault), "{text}: {error}");
        }
        let error = numbers("1,300", &(1..=256)).unwrap_err();
        assert!(
            error.contains("300 is out of range; use numbers from 1 to 256"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_expanded_or_refused(text in "[0-9x+.,a]{0,12}") {
            let values = numbers(&text, &ALL);
            prop_assert!(values.is_err() || values.is_ok_and(|values| !values.is_empty()));
        }

        #[test]
        fn ranges_have_equal_steps_up_to_the_end(
            start in 0u64..1000, length in 0u64..1000, step in 1u64..50
        ) {
            let end = start + length;
            let values = numbers(&format!("{start}..{end}+{step}"), &ALL).unwrap();
            prop_assert_eq!(values[0], start);
            prop_assert!(values.windows(2).all(|pair| pair[1] - pair[0] == step));
            let last = values[values.len() - 1];
            prop_assert!(last <= end && last + step > end);
        }

        #[test]
        fn ranges_have_equal_ratios_up_to_the_end(
            start in 1u64..100, length in 0u64..100_000, factor in 2u64..10
        ) {
            let end = start + length;
            let values = numbers(&format!("{start}..{end}x{factor}"), &ALL).unwrap();
            prop_assert!(values.windows(2).all(|pair| pair[1] == pair[0] * factor));
            let last = values[values.len() - 1];
            prop_assert!(last <= end && last * factor > end);
        }
    }
}
