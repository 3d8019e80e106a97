//! The parts of the fake powermetrics.

pub(crate) mod arguments;
pub(crate) mod busy;
mod date;
pub(crate) mod document;
pub(crate) mod faults;
pub(crate) mod meter;
mod noise;
mod power;
pub(crate) mod signals;
mod work;

/// Prints at once; false once nobody reads any more.
pub(crate) fn print(text: &str) -> bool {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_ok()
}
