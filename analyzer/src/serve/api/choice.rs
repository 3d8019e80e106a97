//! Values of parameters that are options of commands, too.

use clap::ValueEnum;

use crate::serve::problem::Problem;

/// Returns a text that is not empty: an empty parameter is an absent one.
pub(super) fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// Parses a name of the command line; `_` is accepted instead of `-`. An absent or empty text is
/// the default.
///
/// # Errors
/// If there is no such name; the problem lists the names.
pub(super) fn choice<T: ValueEnum + Default>(
    text: Option<&String>,
    what: &str,
) -> Result<T, Problem> {
    Ok(optional_choice(text, what)?.unwrap_or_default())
}

/// Parses a name like [`choice`]; `None` if it is absent or empty.
///
/// # Errors
/// If there is no such name; the problem lists the names.
pub(super) fn optional_choice<T: ValueEnum>(
    text: Option<&String>,
    what: &str,
) -> Result<Option<T>, Problem> {
    let Some(text) = given(text) else {
        return Ok(None);
    };
    let found = T::from_str(&text.replace('_', "-"), true);
    found.map(Some).map_err(|_| {
        let names = T::value_variants().iter();
        let names: Vec<String> = names
            .filter_map(|one| Some(one.to_possible_value()?.get_name().replace('-', "_")))
            .collect();
        Problem::invalid(format!(
            "{what} `{text}` is unknown; choose one of: {}",
            names.join(", ")
        ))
    })
}

/// Parses a text as an option of a command does.
///
/// # Errors
/// If it is malformed.
pub(super) fn parsed<T>(
    text: Option<&String>,
    what: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Problem> {
    let parsed = given(text).map(|text| parse(&text)).transpose();
    parsed.map_err(|error| Problem::invalid(format!("{what}: {error}")))
}
