//! Tests of the whole engine: drawn timelines and properties.

mod drawn;
mod edges;
mod gaps;
mod live;
mod properties;
