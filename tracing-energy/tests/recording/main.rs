//! Recordings of this process.

#[path = "../waiting/mod.rs"]
mod waiting;

mod conditions_are_stored_and_changes_reported;
mod fitted_results_replace_live_results;
mod new_files_are_readable_by_their_owner_only;
mod runs_have_the_requested_id;
