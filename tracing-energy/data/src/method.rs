//! Method and options of an attribution.

use std::fmt;
use std::str::FromStr;

use crate::Kernel;
use crate::Prior;
use crate::units::Nanos;

/// An attribution method.
///
/// ```
/// use energy_data::Method;
///
/// assert_eq!("fitted".parse(), Ok(Method::Fitted));
/// assert!("magic".parse::<Method>().unwrap_err().contains("proportional"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Method {
    /// Each sample is divided in proportion to CPU time, or active time.
    #[default]
    Proportional,
    /// The power of each kind of span is estimated from all samples together.
    Fitted,
    /// `Fitted`, starting from known powers (a calibration or earlier runs).
    Calibrated,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::Proportional, Self::Fitted, Self::Calibrated];

    /// The name on the command line and in tables.
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

/// Parses the name of a method. The error lists the accepted names.
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

/// Options of an attribution.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttributeOptions {
    /// The method.
    pub method: Method,
    /// Names of the rails to estimate; the others stay proportional. Empty means all.
    pub rails: Vec<String>,
    /// Sensor kernels by rail name, which replace the recorded ones.
    pub kernels: Vec<(String, Kernel)>,
    /// Offset of the sensor's clock, positive if it is ahead of the program's; `None`:
    /// estimated.
    pub offset: Option<Nanos>,
    /// Known powers, for [`Method::Calibrated`].
    pub priors: Vec<Prior>,
    /// Number of earlier runs of the same program to start from.
    pub pool: usize,
    /// Free text that is stored with this attribution.
    pub note: Option<String>,
}

impl AttributeOptions {
    /// Attribution by `method` with default options.
    pub fn new(method: Method) -> Self {
        Self {
            method,
            ..Self::default()
        }
    }
}
