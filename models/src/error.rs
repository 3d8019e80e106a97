//! The one error type of this crate.

use std::path::{Path, PathBuf};

/// Errors of loading and running a model.
///
/// Each message names the thing at fault and, if there is one, the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("{}: cannot be read: {why}; check the path and its permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        why: std::io::Error,
    },
    /// The file contradicts itself or is damaged.
    #[error("{}: {thing}: {problem}; {next}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The part at fault: the header, a metadata key, a tensor.
        thing: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        next: &'static str,
    },
    /// The file's architecture is unknown.
    #[error(
        "{}: architecture `{found}` is not supported; supported are: {supported}; choose a model of one of these families; {why}",
        path.display()
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// The architecture that the file names.
        found: String,
        /// The option that runs it anyway and what it assumes, or why it cannot run.
        why: String,
        /// The accepted names.
        supported: String,
    },
    /// The file's tokenizer is of an unsupported kind.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// The chat template does not render.
    #[error("chat template: {0}; use a raw prompt to go without it")]
    ChatTemplate(String),
    /// The prompt has no tokens, so there is nothing to continue.
    #[error("the prompt has no tokens; give a prompt of at least one token")]
    EmptyPrompt,
    /// A batch has no prompts.
    #[error("the batch has no prompts; give at least one")]
    EmptyBatch,
    /// A prompt of a batch is at fault.
    #[error("prompt {} of the batch: {error}", row + 1)]
    InBatch {
        /// Its index.
        row: usize,
        /// What is wrong with it.
        error: Box<Error>,
    },
    /// The prompt does not leave room for a single new token.
    #[error(
        "the prompt has {tokens} tokens, the model's context holds {context} and one must be left for the answer; shorten the prompt"
    )]
    PromptTooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Positions of the model.
        context: usize,
    },
    /// A forward pass would go past the context.
    #[error("position {position} is past the model's context of {context} tokens; reset the model")]
    ContextFull {
        /// First position that does not fit.
        position: usize,
        /// Positions of the model.
        context: usize,
    },
    /// A token id is outside of the vocabulary.
    #[error("token {id} is outside of the vocabulary of {vocab} tokens")]
    UnknownToken {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab: usize,
    },
    /// A sampling option is outside of its range.
    #[error("sampling: {0}")]
    Sampling(String),
    /// A text that ends the generation is empty.
    #[error("a stop text is empty, so it would end every answer; give at least one character")]
    EmptyStopText,
    /// The model computed a logit that is not a number, or infinite.
    #[error(
        "the model computed logits that are not finite: its weights are damaged, or keys and \
         values exceed the range of the key-value cache (`--cache f32`)"
    )]
    NotFinite,
    /// A router computed no finite weights for the experts.
    #[error(
        "the router of layer {layer} computed weights that are not finite; the weights are damaged or do not fit"
    )]
    Router {
        /// The layer.
        layer: usize,
    },
    /// Not the name of a depth.
    #[error("`{0}` is not a depth; use phase, layer, module or deep")]
    Depth(String),
    /// Too few tokens to capture operations with.
    #[error(
        "capture: {prompt_tokens} prompt tokens in a context of {context}; it takes at least 2 and a context that is longer than the prompt"
    )]
    Capture {
        /// Tokens of the prefill.
        prompt_tokens: usize,
        /// Positions of the decode step.
        context: usize,
    },
    /// Not a device of this build.
    #[error("device: {0}")]
    Device(String),
    /// An error of Candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The usual advice for a file that contradicts itself.
pub(crate) const DOWNLOAD_AGAIN: &str = "download or convert the file again";
/// The usual advice for a model with something that the decoder lacks.
pub(crate) const NOT_SUPPORTED_YET: &str = "this is not supported yet: choose a model without it";

impl Error {
    /// Returns whether a prompt or an option of the generation is at fault, not the model.
    pub fn is_of_request(&self) -> bool {
        match self {
            Self::EmptyPrompt
            | Self::EmptyBatch
            | Self::PromptTooLong { .. }
            | Self::Sampling(_)
            | Self::EmptyStopText => true,
            Self::InBatch { error, .. } => error.is_of_request(),
            _ => false,
        }
    }

    /// A file that contradicts itself.
    pub(crate) fn file(path: &Path, thing: impl Into<String>, problem: impl ToString) -> Self {
        Self::advise(path, thing, problem, DOWNLOAD_AGAIN)
    }

    /// A file at fault, with the step that helps.
    pub(crate) fn advise(
        path: &Path,
        thing: impl Into<String>,
        problem: impl ToString,
        next: &'static str,
    ) -> Self {
        let (thing, problem) = (thing.into(), problem.to_string());
        Self::File {
            path: path.to_owned(),
            thing,
            problem,
            next,
        }
    }

    /// Names the prompt of a batch, if there are several.
    pub(crate) fn in_batch(self, row: usize, count: usize) -> Self {
        match count {
            1 => self,
            _ => Self::InBatch {
                row,
                error: Box::new(self),
            },
        }
    }

    /// The system's answer about a file.
    pub(crate) fn io(path: &Path, why: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            why,
        }
    }
}
