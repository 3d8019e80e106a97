//! State that all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::cache::AnswerCache;
use super::generate::Generator;
use super::guard::access::Access;
use super::live::feed::Feed;
use super::options::ServeOptions;
use super::readers::Readers;
use super::sources::Sources;
use super::totals::SharedTotals;

/// Shared state; cheap to clone.
pub(super) type App = Arc<AppState>;

/// What handlers need.
#[derive(Debug)]
pub(super) struct AppState {
    /// Options of the command.
    pub(super) options: ServeOptions,
    /// Connections to the recording.
    pub(super) readers: Readers,
    /// Live messages.
    pub(super) feed: Arc<Feed>,
    /// Answers about ended runs.
    pub(super) cache: AnswerCache,
    /// Totals of ended runs, for metrics.
    pub(super) totals: SharedTotals,
    /// Who may use the server.
    pub(super) access: Access,
    /// Runs that clients have started.
    pub(super) generator: Arc<Generator>,
    /// Whether the server ends: streams stop then.
    pub(super) is_ending: watch::Sender<bool>,
    /// Power sources of this machine.
    pub(super) sources: Sources,
}

impl AppState {
    /// Creates the state of a server for the file at `database`.
    pub(super) fn new(database: PathBuf, options: ServeOptions, access: Access) -> App {
        let feed = Feed::new();
        let generator = Generator::new(database.clone(), Arc::clone(&feed));
        Arc::new(Self {
            generator: Arc::new(generator),
            options,
            readers: Readers::new(database),
            feed,
            cache: AnswerCache::default(),
            totals: SharedTotals::default(),
            access,
            is_ending: watch::Sender::new(false),
            sources: Sources::default(),
        })
    }
}
