//! Messages about values that a client sent, in words that do not depend on types of the program.

/// Beginnings that name a step of the program.
const STEPS: &[&str] = &[
    "Failed to deserialize query string: ",
    "Failed to deserialize the JSON body into the target type: ",
    "Failed to parse the request body as JSON: ",
    "Invalid URL: ",
];

/// Parts of messages, and what they mean to a client.
const MEANINGS: &[(&str, &str)] = &[
    ("invalid digit found in string", WHOLE),
    ("cannot parse integer from empty string", WHOLE),
    (
        "number too large to fit in target type",
        "the number is too large",
    ),
    ("invalid float literal", "expected a number"),
    (
        "provided string was not `true` or `false`",
        "expected true or false",
    ),
    ("expected usize", WHOLE),
    ("expected u64", WHOLE),
    ("expected u32", WHOLE),
    ("expected i64", "expected a whole number"),
    ("expected f32", "expected a number"),
    ("expected f64", "expected a number"),
    ("expected a boolean", "expected true or false"),
    ("expected a sequence", "expected a list"),
    ("expected a string", "expected text"),
    (
        "data did not match any variant of untagged enum RequestedTags",
        "expected a list of KEY=VALUE, or an object",
    ),
    (
        "data did not match any variant of untagged enum RequestedStats",
        "expected true, false, or a list of default, alternative and projections",
    ),
    ("with value `", "from `"),
    (" to a `usize`", ": expected a whole number from 0"),
    (" to a `u64`", ": expected a whole number from 0"),
    (" to a `i64`", ": expected a whole number"),
];

const WHOLE: &str = "expected a whole number from 0";

/// Returns the message of a library in words of the interface.
pub(super) fn reworded(message: &str) -> String {
    let stripped = STEPS.iter().find_map(|step| message.strip_prefix(step));
    let mut text = stripped.unwrap_or(message).to_owned();
    for (part, meaning) in MEANINGS {
        text = text.replace(part, meaning);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_key_and_what_is_accepted() {
        for (message, expected) in [
            (
                "Failed to deserialize query string: limit: invalid digit found in string",
                "limit: expected a whole number from 0",
            ),
            (
                "invalid value: integer `-1`, expected usize",
                "invalid value: integer `-1`, expected a whole number from 0",
            ),
            (
                "Invalid URL: Cannot parse `token` with value `x` to a `usize`",
                "Cannot parse `token` from `x`: expected a whole number from 0",
            ),
            ("the body is empty", "the body is empty"),
        ] {
            assert_eq!(reworded(message), expected);
        }
    }
}
