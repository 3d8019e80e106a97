//! Answers of the command, calibration, and maintenance of its files.

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;

mod analyses_find_known_answers;
mod calibration_finds_the_true_powers;
mod calibration_refuses_invalid_measurements;
mod command_and_library_defaults_match;
mod command_output_matches_the_file;
mod comparisons_are_decided_or_refused;
mod decode_generates_all_tokens_but_the_first;
mod doctor_reports_what_can_be_measured;
mod equal_sides_are_rarely_called_different;
mod exported_tables_follow_the_rule_of_intervals;
mod fetched_weights_are_verified;
mod files_are_readable_by_their_owner_only;
mod kinds_show_intervals_and_groups;
mod maintenance_keeps_protected_runs;
mod man_pages_and_completions_name_every_command;
mod merging_keeps_run_summaries;
mod opening_a_recording_changes_nothing;
mod plots_are_well_formed_pictures;
mod predictions_hold_or_are_refused;
mod queries_answer_in_every_format;
mod rates_are_stored_with_the_run;
mod replaced_runs_are_no_results;
mod requests_include_what_they_started;
mod root_spans_are_not_phases;
mod run_lists_match_run_summaries;
mod tables_are_parsed_in_every_format;
mod waiting_times_follow_from_spans;
mod world;
