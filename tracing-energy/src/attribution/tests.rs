//! Tests of the whole engine, each a drawn timeline, and its properties.

mod drawn;
mod edges;
mod gaps;
mod live;
mod properties;
