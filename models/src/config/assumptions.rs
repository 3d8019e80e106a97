//! An architecture that is not in the table of families: refused, or assumed to be a plain
//! decoder if the caller requests it.

use std::path::Path;

use crate::architecture::{self, Activation, Family};
use crate::error::{Error, Result};

/// An architecture without an entry in the table.
pub(super) struct UnknownArchitecture<'p> {
    /// The file.
    pub(super) path: &'p Path,
    /// Its name in the file.
    pub(super) architecture: &'p str,
    /// The accepted names.
    pub(super) supported: String,
}

impl UnknownArchitecture<'_> {
    /// Returns the assumed family if `assume` is set. `activation` is the one that the file
    /// states, if it is supported.
    ///
    /// # Errors
    /// [`Error::Architecture`], which lists what would be assumed.
    pub(super) fn family(&self, assume: bool, activation: Option<Activation>) -> Result<Family> {
        let refused = |why: String| Error::Architecture {
            path: self.path.to_owned(),
            found: self.architecture.to_owned(),
            why,
            supported: self.supported.clone(),
        };
        let Some(activation) = activation else {
            return Err(refused("its activation is not supported".to_owned()));
        };
        let family = architecture::assumed(activation);
        if assume {
            return Ok(family);
        }
        Err(refused(format!(
            "`--assume` (`LoadOptions::assume`) runs it and assumes that {}",
            of_family(&family, None).join("; ")
        )))
    }
}

/// Lists the assumptions about a family that is not in the table; empty for one that is.
pub(super) fn of_family(family: &Family, window: Option<usize>) -> Vec<String> {
    if !family.name.is_empty() {
        return Vec::new();
    }
    let mut all = vec![
        "the rotary embedding pairs the two halves of a head".to_owned(),
        format!(
            "the MLP is gated and its activation is {}",
            family.activation.title()
        ),
        "norms divide by the root mean square and multiply by their weight".to_owned(),
        "scores are divided by the root of a head's width, embeddings and logits by nothing"
            .to_owned(),
        "every layer applies the rotary embedding".to_owned(),
        "attention is causal".to_owned(),
    ];
    if let Some(window) = window {
        all.push(format!(
            "every layer attends to a window of {window} positions"
        ));
    }
    all
}
