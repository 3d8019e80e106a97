//! The thread that reads conditions: once when a run starts, once when it ends.
//!
//! ```text
//! observer  | start | hash ... rest ... hash ... | (waits) | end |
//! collector     ^ takes news at each pass          ask ^      ^ takes the last news
//! ```
//!
//! Whoever asks waits for a bounded time; what has not come by then is absent.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::{System, Values, binary};
use crate::cpu_time;

/// How long the end of a run waits for conditions, from the moment they were asked for.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);
/// How long an unfinished hash is worked on then.
const HASH_PATIENCE: Duration = Duration::from_millis(100);
/// Rest after each piece of the hash, in parts of the time it took.
const REST: u32 = 9;
const STACK: usize = 256 * 1024;

/// What the thread tells.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Its id; it is one of the recorder's own.
    Thread(i64),
    /// What was read at the start.
    Start(Values),
    /// The hash of the program.
    Binary(String),
    /// What was read at the end.
    End(Values),
}

/// The handle of the thread, which ends with it.
#[derive(Debug)]
pub(super) struct Observer {
    asks: Sender<()>,
    news: Receiver<News>,
    asked: Option<Instant>,
}

impl Observer {
    /// Starts the thread; without one nothing is known.
    pub(super) fn spawn(system: System) -> Option<Self> {
        let (asks, questions) = channel();
        let (tell, news) = channel();
        std::thread::Builder::new()
            .name("energy-observe".to_owned())
            .stack_size(STACK)
            .spawn(move || observe(&system, &questions, &tell))
            .ok()?;
        Some(Self {
            asks,
            news,
            asked: None,
        })
    }

    /// What has come since the last call.
    pub(super) fn news(&self) -> Vec<News> {
        self.news.try_iter().collect()
    }

    /// Asks for the conditions of the run's end, once.
    pub(super) fn ask_end(&mut self) {
        if self.asked.is_none() {
            self.asked = Some(Instant::now());
            // A thread that has ended told all it knew.
            let _ = self.asks.send(());
        }
    }

    /// Everything that is still to come, for so long after it was asked for.
    pub(super) fn last_news(mut self, patience: Duration) -> Vec<News> {
        self.ask_end();
        let until = self.asked.unwrap_or_else(Instant::now) + patience;
        let mut all = Vec::new();
        let left = || until.saturating_duration_since(Instant::now());
        while let Ok(news) = self.news.recv_timeout(left()) {
            all.push(news);
        }
        all
    }
}

/// The thread. Nobody listening any more is no fault: then nothing is left to do.
fn observe(system: &System, questions: &Receiver<()>, tell: &Sender<News>) {
    let _ = tell.send(News::Thread(cpu_time::current_tid()));
    let start = system.read();
    let mut values = start.values.clone();
    values.extend(system.read_once());
    let _ = tell.send(News::Start(values));
    let mut ended = None;
    let binary = binary::own_sha256(|took| match ended {
        Some(end) => until(end, HASH_PATIENCE),
        None => match questions.recv_timeout(took * REST) {
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
            Ok(()) => {
                ended = Some(Instant::now());
                let _ = tell.send(News::End(system.read().since(&start)));
                true
            }
        },
    });
    if let Some(hash) = binary {
        let _ = tell.send(News::Binary(hash));
    }
    if ended.is_none() && questions.recv().is_ok() {
        let _ = tell.send(News::End(system.read().since(&start)));
    }
}

fn until(begin: Instant, patience: Duration) -> bool {
    begin.elapsed() < patience
}

#[cfg(test)]
mod tests {
    use super::super::{BINARY_SHA256, CORES, KERNEL};
    use super::*;

    fn observed() -> Vec<News> {
        let mut observer = Observer::spawn(System::default()).unwrap();
        observer.ask_end();
        observer.last_news(Duration::from_secs(600))
    }

    #[test]
    fn a_run_without_length_has_start_and_end() {
        let all = observed();
        let start = all.iter().find_map(|news| match news {
            News::Start(values) => Some(values),
            _ => None,
        });
        let start = start.unwrap();
        assert!(start.contains_key(KERNEL) && start.contains_key(CORES));
        assert!(!start.contains_key(BINARY_SHA256));
        let end = all.iter().any(|news| matches!(news, News::End(_)));
        assert!(end, "{all:?}");
    }

    #[test]
    fn the_hash_is_that_of_the_test_program() {
        let known = binary::own_sha256(|_| true).unwrap();
        assert_eq!(known.len(), 64);
        let told = observed()
            .into_iter()
            .any(|news| news == News::Binary(known.clone()));
        assert!(told);
    }

    #[test]
    fn a_machine_that_does_not_answer_costs_the_patience_only() {
        // Nobody ever writes to this pipe: reading the file never ends.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sys/firmware/acpi/platform_profile");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&file).status();
        assert!(made.unwrap().success());
        let root = folder.path().to_owned();
        let observer = Observer::spawn(System { root }).unwrap();
        let news = observer.last_news(Duration::from_millis(50));
        if cfg!(target_os = "linux") {
            let told = news.iter().any(|news| !matches!(news, News::Thread(_)));
            assert!(!told, "{news:?}");
        }
    }
}
