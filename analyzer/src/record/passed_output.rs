//! Output of a program that is passed on unchanged and kept for a search.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Most bytes that are kept of one output: its end.
const KEPT: usize = 8 << 20;
/// Longest wait for the end of outputs after the program has ended: a process that it has started may
/// keep them open.
const PATIENCE: Duration = Duration::from_secs(2);

/// Standard output and error of this process, which other threads can write to: the command holds the
/// lock of standard output until it ends.
#[derive(Debug)]
pub(super) struct OwnOutputs {
    stdout: File,
    stderr: File,
}

impl OwnOutputs {
    /// Duplicates the outputs.
    ///
    /// # Errors
    /// If the system permits no more open files.
    #[cfg(unix)]
    pub(super) fn of_process() -> io::Result<Self> {
        use std::os::fd::AsFd as _;
        Ok(Self {
            stdout: io::stdout().as_fd().try_clone_to_owned()?.into(),
            stderr: io::stderr().as_fd().try_clone_to_owned()?.into(),
        })
    }

    /// Duplicates the outputs.
    ///
    /// # Errors
    /// If the system permits no more open files.
    #[cfg(windows)]
    pub(super) fn of_process() -> io::Result<Self> {
        use std::os::windows::io::AsHandle as _;
        Ok(Self {
            stdout: io::stdout().as_handle().try_clone_to_owned()?.into(),
            stderr: io::stderr().as_handle().try_clone_to_owned()?.into(),
        })
    }
}

/// Standard output and error of a program.
#[derive(Debug)]
pub(super) struct PassedOutput {
    kept: Receiver<(usize, Vec<u8>)>,
    count: usize,
}

impl PassedOutput {
    /// Passes on what a program with piped outputs prints to `own`, from now on.
    pub(super) fn of(child: &mut Child, own: OwnOutputs) -> Self {
        let (sender, kept) = channel();
        let mut count = 0;
        if let Some(stdout) = child.stdout.take() {
            spawn(count, stdout, own.stdout, &sender);
            count += 1;
        }
        if let Some(stderr) = child.stderr.take() {
            spawn(count, stderr, own.stderr, &sender);
            count += 1;
        }
        Self { kept, count }
    }

    /// Returns the kept texts of a program that has ended.
    pub(super) fn texts(self) -> Vec<String> {
        let mut texts = vec![String::new(); self.count];
        for _ in 0..self.count {
            let Ok((at, bytes)) = self.kept.recv_timeout(PATIENCE) else {
                break;
            };
            if let Some(text) = texts.get_mut(at) {
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        texts
    }
}

fn spawn(
    at: usize,
    from: impl Read + Send + 'static,
    to: impl Write + Send + 'static,
    sender: &Sender<(usize, Vec<u8>)>,
) {
    let sender = sender.clone();
    std::thread::spawn(move || {
        let _ = sender.send((at, pass(from, to)));
    });
}

/// Copies until the end, and returns the last bytes.
fn pass(mut from: impl Read, mut to: impl Write) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return kept,
            Ok(count) => {
                let bytes = &buffer[..count];
                // A closed output does not end the program: it would be ended by a signal otherwise.
                let _ = to.write_all(bytes).and_then(|()| to.flush());
                kept.extend_from_slice(bytes);
                if kept.len() > 2 * KEPT {
                    kept.drain(..kept.len() - KEPT);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_unchanged_and_its_end_is_kept() {
        let long: Vec<u8> = (0..3 * KEPT).map(|at| (at % 251) as u8).collect();
        let mut copied = Vec::new();
        let kept = pass(long.as_slice(), &mut copied);
        assert_eq!(copied, long);
        assert!(kept.len() >= KEPT && kept.len() <= 2 * KEPT);
        assert!(long.ends_with(&kept));
    }
}
