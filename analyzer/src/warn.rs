//! What a user is told beside the answer.

use std::io::Write as _;

/// A warning, on stderr.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(
        std::io::stderr(),
        "energy: warning: {}",
        crate::format::escape(text)
    );
}
