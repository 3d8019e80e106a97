//! State that all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use super::cache::AnswerCache;
use super::options::ServeOptions;
use super::readers::Readers;
use super::sources::Sources;

/// Shared state; cheap to clone.
pub(super) type App = Arc<AppState>;

/// What handlers need.
#[derive(Debug)]
pub(super) struct AppState {
    /// Options of the command.
    pub(super) options: ServeOptions,
    /// Connections to the recording.
    pub(super) readers: Readers,
    /// Answers about ended runs.
    pub(super) cache: AnswerCache,
    /// Power sources of this machine.
    pub(super) sources: Sources,
}

impl AppState {
    /// Creates the state of a server for the file at `database`.
    pub(super) fn new(database: PathBuf, options: ServeOptions) -> App {
        Arc::new(Self {
            options,
            readers: Readers::new(database),
            cache: AnswerCache::default(),
            sources: Sources::default(),
        })
    }
}
