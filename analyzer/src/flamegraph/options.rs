//! What a flamegraph shows, and how it looks. Defaults are the command line's.

use std::str::FromStr;

use inferno::flamegraph::Palette;

/// What widths are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Measure {
    /// Joules.
    #[default]
    Energy,
    /// Self time, all threads added.
    Time,
}

/// Whether stacks hold their share of idle energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Idle {
    /// Active energy only.
    #[default]
    Exclude,
    /// Active energy and the share of idle energy.
    Include,
}

/// Which way stacks are read. Both draw the same self energies, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Value {
    /// From the roots: a frame is as wide as all that its span and those below it used
    #[default]
    Inclusive,
    /// From the leaves: a frame of the first row is as wide as what spans of that name
    /// used by themselves, wherever they ran; what stands on it says where
    #[value(name = "self")]
    Own,
}

/// Frames of which all are drawn as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Collapse {
    /// `layer 0` .. `layer 29` become `layer`
    Layers,
    /// Tokens told apart by a key field become `token`
    Tokens,
}

impl Collapse {
    /// The role of the spans that lose their key fields.
    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Layers => "layer",
            Self::Tokens => "token",
        }
    }
}

/// What amounts are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Per {
    /// Nothing.
    Run,
    /// Tokens read and sampled.
    Token,
    /// Tokens read.
    InputToken,
    /// Tokens that decode made: those sampled without the first one.
    OutputToken,
}

impl Per {
    /// What stands behind an amount: `/token`.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Run => "",
            Self::Token => "/token",
            Self::InputToken => "/input token",
            Self::OutputToken => "/output token",
        }
    }
}

/// What a graph shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct What {
    /// Joules or time.
    pub measure: Measure,
    /// The one rail; none is the sum of root rails. Times do not depend on it.
    pub rail: Option<String>,
    /// Whether energies hold idle shares.
    pub idle: Idle,
    /// Only what is in phases of this name.
    pub phase: Option<String>,
    /// Frames to merge.
    pub collapse: Vec<Collapse>,
    /// From roots or from leaves.
    pub value: Value,
    /// None is by token where two sides are compared and all runs know their tokens,
    /// else by run.
    pub per: Option<Per>,
}

/// How a graph looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// In place of the names of runs. What the figures are is said below it.
    pub title: Option<String>,
    /// Pixels; none fills the window.
    pub width: Option<usize>,
    /// Narrower frames are left out; percent of the whole width.
    pub min_width: f64,
    /// Colours of a graph that compares nothing.
    pub colors: Palette,
    /// Roots at the top.
    pub icicle: bool,
    /// Widths of what is compared with, in place of what is compared.
    pub reverse: bool,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            title: None,
            width: None,
            min_width: inferno::flamegraph::defaults::MIN_WIDTH,
            colors: Palette::default(),
            icicle: false,
            reverse: false,
        }
    }
}

/// Names that [`parse_colors`] knows.
pub const COLORS: [&str; 16] = [
    "hot", "mem", "io", "red", "green", "blue", "aqua", "yellow", "purple", "orange", "wakeup",
    "java", "js", "perl", "python", "rust",
];

/// Reads the name of a palette.
///
/// # Errors
/// Lists the names when it is none of [`COLORS`].
pub fn parse_colors(name: &str) -> Result<Palette, String> {
    Palette::from_str(name).map_err(|_| format!("choose one of: {}", COLORS.join(", ")))
}

/// Reads a part of the width in percent.
///
/// # Errors
/// When it is no number above 0 and below 100: frames of no width cannot be told apart.
pub fn parse_min_width(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim_end().parse() {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(percent),
        _ => Err("give percent of the width, above 0 and below 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_palette_is_known() {
        for name in COLORS {
            assert!(parse_colors(name).is_ok(), "{name}");
        }
        assert!(parse_colors("neon").unwrap_err().contains("aqua"));
        assert_eq!(parse_colors("hot"), Ok(Picture::default().colors));
    }

    #[test]
    fn frames_need_a_width() {
        assert_eq!(parse_min_width("0.5"), Ok(0.5));
        assert_eq!(parse_min_width("1 %"), Ok(1.0));
        for wrong in ["0", "-1", "100", "nan", "wide", ""] {
            assert!(parse_min_width(wrong).is_err(), "{wrong}");
        }
    }
}
