//! Sinks and the file of recordings.

#[path = "../store_support/mod.rs"]
mod store_support;
#[path = "../waiting/mod.rs"]
mod waiting;

mod call_paths_have_the_energy_of_the_views;
mod chrome_trace_is_valid;
mod deletes_one_run_only;
mod edits_and_sizes;
mod experiments_keep_their_trials;
mod follower_reads_what_was_written;
mod follower_survives_changes_of_the_file;
mod keeps_calibrations;
mod live_sink_shares_batches;
mod merges_joined_runs;
mod merges_whole_runs;
mod moves_rows_by_the_schema;
mod never_repairs_an_active_run;
mod read_only_folders_show_later_writes;
mod reads_recordings_of_all_versions;
mod refuses_development_files;
mod repairs_dead_runs;
mod returns_rows_as_written;
mod rows_of_a_wrong_type_are_listed;
mod shares_one_file;
mod shipments_are_planned_once;
mod views_follow_the_rule_of_intervals;
mod views_sum_to_the_run;
