//! Writes JSON text into a buffer without a detour through `fmt`.

/// Appends `text` as a JSON string with its quotes.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f | 0x7f => control(out, byte),
            // All other UTF-8 needs no escape, outside the BMP too.
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn control(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"\\u00");
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
}

/// Appends an integer.
pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a number; infinities and NaN become null, because JSON has none.
///
/// Perfetto's trace processor (v55) misreads numbers with more than 19 decimals, including
/// those of an exponent: `0.00017787186633369388` becomes 0.00229. Small numbers are
/// written with at most 18 decimals and without a negative exponent.
///
pub(super) fn number(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
    } else if value.abs() < 0.1 {
        decimals(out, value);
    } else {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    }
}

/// Appends a number between -0.1 and 0.1 with at most 18 decimals.
fn decimals(out: &mut Vec<u8>, value: f64) {
    /// A leading one preserves the zeros after the point.
    const ONE: u64 = 1_000_000_000_000_000_000;
    let scaled = (value.abs() * ONE as f64).round() as u64;
    if value < 0.0 && scaled > 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(ONE + scaled).as_bytes();
    out.extend_from_slice(b"0.");
    let last = digits.iter().skip(2).rposition(|digit| *digit != b'0');
    out.extend_from_slice(&digits[1..last.map_or(2, |last| last + 3)]);
}

/// Appends nanoseconds as microseconds with three decimals: exact, where a float
/// would round after a few hours.
pub(super) fn micros(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let nanos = nanos.unsigned_abs();
    out.extend_from_slice(itoa::Buffer::new().format(nanos / 1_000).as_bytes());
    let remainder = (nanos % 1_000) as u16;
    let digit = |value: u16| b'0' + (value % 10) as u8;
    out.extend_from_slice(&[
        b'.',
        digit(remainder / 100),
        digit(remainder / 10),
        digit(remainder),
    ]);
}

const RESERVED_KEYS: [&str; 6] = ["node", "energy_j", "power_w", "self_j", "token", "callsite"];

/// Appends the members of a JSON object given as text, each after a comma. The text is
/// parsed, so that one invalid object does not corrupt the file. A key that the trace
/// itself uses is prefixed.
pub(super) fn members(out: &mut Vec<u8>, object: &str) {
    let parsed = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(object);
    for (key, value) in parsed.unwrap_or_default() {
        out.push(b',');
        match RESERVED_KEYS.contains(&key.as_str()) {
            true => string(out, &format!("field.{key}")),
            false => string(out, &key),
        }
        out.push(b':');
        out.extend_from_slice(value.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("only UTF-8 is written")
    }

    #[test]
    fn micros_are_exact_to_the_nanosecond() {
        assert_eq!(written(|o| micros(o, 1)), "0.001");
        assert_eq!(written(|o| micros(o, -1_500)), "-1.500");
        assert_eq!(
            written(|o| micros(o, 1_234_567_890_123_456_789)),
            "1234567890123456.789"
        );
    }

    #[test]
    fn small_numbers_have_at_most_the_decimals_that_viewers_parse() {
        let shown = |value| written(|out| number(out, value));
        assert_eq!(shown(0.0), "0.0");
        assert_eq!(shown(0.5), "0.5");
        assert_eq!(shown(-0.001), "-0.001");
        assert_eq!(shown(0.00017787186633369388), "0.000177871866333694");
        assert_eq!(shown(5e-19), "0.000000000000000001");
        assert_eq!(shown(1e-30), "0.0");
        assert_eq!(shown(-1e-30), "0.0");
        assert_eq!(shown(1.0 - f64::EPSILON / 2.0), "0.9999999999999999");
        assert_eq!(shown(46.275055022995964), "46.275055022995964");
        assert_eq!(shown(f64::NAN), "null");
    }

    proptest::proptest! {
        #[test]
        fn numbers_read_back(value in -2.0..2.0_f64) {
            let text = written(|out| number(out, value));
            let read: f64 = text.parse().unwrap();
            proptest::prop_assert!((read - value).abs() <= 6e-19 + value.abs() * 2e-16, "{value} {text}");
        }

        #[test]
        fn any_string_reads_back(text in "\\PC*|[\\x00-\\x7f\u{10000}-\u{10ffff}]*") {
            let json = written(|o| string(o, &text));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&json).ok(), Some(text));
        }
    }
}
