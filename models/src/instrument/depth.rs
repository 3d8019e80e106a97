//! Granularity of the spans.

use std::str::FromStr;

use crate::error::Error;

/// Granularity of an inference's spans.
///
/// The subscriber's filter decides what is recorded ([`Depth::level`] is the
/// filter to install); the model itself only checks whether it must run the
/// decomposed kernels of [`Depth::Deep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Depth {
    /// The run, its phases and its tokens.
    Phase,
    /// Phases, their sections and each layer.
    Layer,
    /// Layers and their modules: norms, projections, attention, MLP.
    #[default]
    Module,
    /// Modules and their single operations, with fused kernels decomposed.
    Deep,
}

impl Depth {
    /// All depths, coarse to fine.
    pub const ALL: [Self; 4] = [Self::Phase, Self::Layer, Self::Module, Self::Deep];

    /// The least verbose `tracing` level that records this depth.
    pub fn level(self) -> tracing::Level {
        match self {
            Self::Phase => tracing::Level::INFO,
            Self::Layer => tracing::Level::DEBUG,
            Self::Module | Self::Deep => tracing::Level::TRACE,
        }
    }

    /// Whether kernels run decomposed into their operations.
    pub fn is_deep(self) -> bool {
        self == Self::Deep
    }

    /// The name that [`FromStr`] reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Layer => "layer",
            Self::Module => "module",
            Self::Deep => "deep",
        }
    }
}

impl FromStr for Depth {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|depth| depth.as_str() == text);
        found.ok_or_else(|| Error::Depth(text.to_owned()))
    }
}

impl std::fmt::Display for Depth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_parse_their_own_names() {
        for depth in Depth::ALL {
            assert_eq!(depth.to_string().parse::<Depth>().unwrap(), depth);
        }
        assert!("ops".parse::<Depth>().is_err());
    }
}
