//! How a run is to be attributed.

use std::fmt;
use std::str::FromStr;

use crate::power::Kernel;
use crate::priors::Prior;
use crate::units::Nanos;

/// An attribution method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// Each sample is divided in proportion to CPU time, or active time.
    #[default]
    Proportional,
    /// The power of each kind of span is estimated from all samples together.
    Fitted,
    /// As `Fitted`, with powers that are known from elsewhere to begin with.
    Calibrated,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Proportional, Self::Fitted, Self::Calibrated];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proportional => "proportional",
            Self::Fitted => "fitted",
            Self::Calibrated => "calibrated",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads the name of a method. The error says what is accepted.
impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|method| method.name() == text);
        named.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no attribution method '{text}'; use one of {names}")
        })
    }
}

/// What to attribute with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttributeOptions {
    /// The method.
    pub method: Method,
    /// Rails by name that the method is for; the others stay proportional. Empty
    /// is all.
    pub rails: Vec<String>,
    /// Sensor kernels, by name of rail, that replace the recorded ones.
    pub kernels: Vec<(String, Kernel)>,
    /// The sensor's clock is ahead of the program's by this much; none is
    /// estimated.
    pub offset: Option<Nanos>,
    /// Known powers, for [`Method::Calibrated`].
    pub priors: Vec<Prior>,
    /// How many earlier runs of the same program to start from.
    pub pool: usize,
    /// What is to be remembered of this attribution, in words.
    pub note: Option<String>,
}

impl AttributeOptions {
    /// Attribution by `method` with nothing else said.
    pub fn new(method: Method) -> Self {
        Self {
            method,
            ..Self::default()
        }
    }
}
