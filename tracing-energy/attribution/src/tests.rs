//! Tests of the whole engine: drawn timelines and properties.

mod drawn;
mod edges;
mod gaps;
#[cfg(feature = "fit")]
mod live;
mod properties;
