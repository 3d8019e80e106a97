//! Finds the run that a client selects for its messages.

use crate::serve::problem::Problem;
use crate::serve::state::App;

/// Finds a run by its uuid, a unique prefix of it, its name or `last`; returns its uuid.
///
/// # Errors
/// If there is no such run, or there are several.
pub(super) async fn run_id(app: &App, selector: String) -> Result<String, Problem> {
    // A run that is about to start is not in the file yet.
    if let Some(id) = app.generator.id_of(&selector) {
        return Ok(id);
    }
    let found = app
        .readers
        .read(move |recording| recording.run(&selector))
        .await?;
    Ok(found.row.uuid)
}
