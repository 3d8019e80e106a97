//! Parsing of rates per energy, such as `0.30 EUR/kWh`.

/// Joules in a kilowatt hour.
pub(super) const J_PER_KWH: f64 = 3.6e6;

/// A parsed rate.
#[derive(Debug, PartialEq)]
pub(super) struct Rate<'t> {
    /// Amount per kWh.
    pub(super) per_kwh: f64,
    /// Text before the number, and text between the number and the slash.
    pub(super) words: [&'t str; 2],
}

/// Parses `[WORD] NUMBER [WORD] / UNIT`, where UNIT is `Wh`, `kWh` or `MWh`. Returns `None`
/// if it is invalid or negative.
pub(super) fn parse(text: &str) -> Option<Rate<'_>> {
    let (amount, unit) = text.rsplit_once('/')?;
    let kwh = match unit.trim().to_ascii_lowercase().as_str() {
        "wh" => 1e-3,
        "kwh" => 1.0,
        "mwh" => 1e3,
        _ => return None,
    };
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let start = amount.find(is_number)?;
    let length = amount[start..]
        .find(|c| !is_number(c))
        .unwrap_or(amount.len() - start);
    let (before, rest) = amount.split_at(start);
    let (number, after) = rest.split_at(length);
    let per_kwh = number.parse::<f64>().ok()? / kwh;
    let is_amount = per_kwh.is_finite() && !before.contains('-');
    let words = [before.trim(), after.trim()];
    is_amount.then_some(Rate { per_kwh, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_converted_and_words_are_kept() {
        let read = |text| parse(text).map(|rate| (rate.per_kwh, rate.words));
        assert_eq!(read("0.30/kWh"), Some((0.3, ["", ""])));
        assert_eq!(read("0.30 EUR / kWh"), Some((0.3, ["", "EUR"])));
        assert_eq!(read("$120/MWh"), Some((0.12, ["$", ""])));
        assert_eq!(read("400g/kwh"), Some((400.0, ["", "g"])));
        for bad in ["", "0.30", "0.30/h", "/kWh", "x/kWh", "1.2.3/kWh", "-1/kWh"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
