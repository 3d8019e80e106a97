//! Tests of the whole engine, each a drawn timeline, and its properties.

mod drawn;
mod live;
mod properties;
