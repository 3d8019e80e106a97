//! Numbers of tokens that were found.

/// Which tokens are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Those of the prompt.
    Input,
    /// Generated ones.
    Output,
}

/// Counts that were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FoundCounts {
    /// Tokens of the prompt.
    pub(super) input: Option<i64>,
    /// Generated tokens.
    pub(super) output: Option<i64>,
}

impl FoundCounts {
    /// Returns a count of the prompt alone.
    pub(super) fn input(input: Option<i64>) -> Self {
        Self {
            input,
            output: None,
        }
    }

    /// Returns a count of generated tokens alone.
    pub(super) fn output(output: Option<i64>) -> Self {
        Self {
            input: None,
            output,
        }
    }

    /// Replaces the counts that `newer` has.
    pub(super) fn replace(&mut self, newer: Self) {
        self.input = newer.input.or(self.input);
        self.output = newer.output.or(self.output);
    }
}
