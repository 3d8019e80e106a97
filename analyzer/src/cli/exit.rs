//! Errors of commands, their text and exit codes.

use crate::Error;

/// Exit code of wrong usage.
const WRONG_USAGE: u8 = 2;

/// Wrong usage of a command: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

/// A negative result of a command that did not fail, with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct NegativeResult {
    code: u8,
    text: String,
}

impl NegativeResult {
    pub(super) fn new(code: u8, text: String) -> Self {
        Self { code, text }
    }
}

/// Exits with a code and no message, because the cause was already printed.
#[derive(Debug, thiserror::Error)]
#[error("the program ended with {0}")]
pub(super) struct SilentExit(pub(super) u8);

/// Returns the exit code: 2 for wrong usage, that of a finding, of an executed program or of an
/// error of the library, or 1 for other failures.
pub(super) fn code(error: &anyhow::Error) -> u8 {
    if let Some(SilentExit(code)) = error.downcast_ref() {
        return *code;
    }
    if let Some(finding) = error.downcast_ref::<NegativeResult>() {
        return finding.code;
    }
    match error.downcast_ref::<Error>() {
        Some(error) => error.exit_code(),
        None if error.is::<UsageError>() => WRONG_USAGE,
        None => 1,
    }
}

/// Joins an error and its causes. A cause that the text already ends with is not repeated.
pub(super) fn text(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match (text.is_empty(), text.ends_with(&cause)) {
            (true, _) => cause,
            (_, true) => text,
            _ => format!("{text}: {cause}"),
        }
    })
}

/// Returns whether the reader of the output closed it.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    use Error::{File, Io};
    let io = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref() {
        // Transparent errors have no entry of their own in the chain.
        Some(Io(source) | File { source, .. }) => Some(source.kind()),
        _ => cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind),
    };
    error
        .chain()
        .any(|cause| io(cause) == Some(std::io::ErrorKind::BrokenPipe))
}
