//! Opens the dashboard in the browser.

use std::process::{Command, Stdio};

/// Opens `url` with the program that the system provides for it.
///
/// # Errors
/// Describes why it could not be started, with the next step.
pub(super) fn open(url: &str) -> Result<(), String> {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut child) => {
            // Reaps it; a browser may run as long as the server.
            let _ = std::thread::Builder::new()
                .name("energy-browser".to_owned())
                .spawn(move || child.wait());
            Ok(())
        }
        Err(error) => Err(format!(
            "--open: {program} cannot be started ({error}); open the address in a browser"
        )),
    }
}
