//! Methods: how a window's energy is allocated to spans and accounts.
//!
//! ```text
//! view --> proportional (by the rule) ----------------> allocation
//!          estimated (prices of a fit)  --> placing --^
//!          live (prices of earlier windows) -^
//! ```

pub(crate) mod allocation;
pub(crate) mod allocator;
pub(crate) mod estimated;
#[cfg(feature = "fit")]
pub(crate) mod live;
#[cfg(feature = "fit")]
pub(crate) mod live_rail;
pub(crate) mod placing;
pub(crate) mod proportional;
pub(crate) mod rule;
