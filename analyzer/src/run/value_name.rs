//! Names of values on the command line.

/// Returns the name of a value on the command line.
pub(crate) fn name(value: &impl clap::ValueEnum) -> String {
    let named = value.to_possible_value();
    named.map_or_else(String::new, |value| value.get_name().to_owned())
}
