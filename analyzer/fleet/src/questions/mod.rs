//! Questions about a fleet.
