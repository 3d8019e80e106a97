//! Tests of the whole engine, each a drawn timeline, and its properties.

mod drawn;
mod edges;
mod live;
mod properties;
