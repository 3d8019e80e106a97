//! Names of downloaded files.

use axum::http::HeaderValue;

/// Longest variable part of a name.
const LONGEST: usize = 100;

/// Returns the header value that names a downloaded file. Only letters, digits, `-` and `_` of
/// `id` are kept: ids are read from files that other programs may have written.
pub(super) fn attachment(prefix: &str, id: &str, ending: &str) -> HeaderValue {
    let safe = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c,
        '-' | '_' => c,
        _ => '_',
    };
    let id: String = id.chars().take(LONGEST).map(safe).collect();
    let text = format!("attachment; filename=\"{prefix}{id}.{ending}\"");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder() {
        let value = attachment("run_", "../../etc/\"pass\r\nwd", "json");
        let expected = "attachment; filename=\"run_______etc__pass__wd.json\"";
        assert_eq!(value.to_str().unwrap(), expected);
        assert!(attachment("", &"x".repeat(10_000), "csv").len() < 200);
    }
}
