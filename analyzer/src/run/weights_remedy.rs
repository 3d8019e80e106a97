//! What reduces the memory of a model's weights, in words.

use energy_models::{Checkpoint, LoadOptions, Prefill, Requantize};

/// Returns the options that reduce the memory of the weights. A conversion is named only if this
/// model becomes smaller with it: weights of 4 bits become larger as `q8_0`.
pub(super) fn smaller_weights(checkpoint: &Checkpoint, load: &LoadOptions) -> String {
    text(load.prefill, checkpoint.smaller_conversion(load))
}

fn text(prefill: Prefill, conversion: Option<Requantize>) -> String {
    let prefill = (prefill == Prefill::F32).then_some("--prefill same");
    let conversion = conversion.and_then(|conversion| match conversion {
        Requantize::None => Some("--requantize none"),
        Requantize::Q8_0 => Some("--requantize q8_0"),
        _ => None,
    });
    let options: Vec<&str> = prefill.into_iter().chain(conversion).collect();
    match options.is_empty() {
        true => "a smaller model, or one with fewer bits per weight".to_owned(),
        false => format!("{}, or a smaller model", options.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_options_that_help_are_named() {
        let of = |conversion| text(Prefill::Same, conversion);
        assert_eq!(
            of(None),
            "a smaller model, or one with fewer bits per weight"
        );
        assert_eq!(
            of(Some(Requantize::None)),
            "--requantize none, or a smaller model"
        );
        assert_eq!(
            text(Prefill::F32, Some(Requantize::Q8_0)),
            "--prefill same and --requantize q8_0, or a smaller model"
        );
    }
}
