//! Files that the command writes for other programs and people: exports, flamegraphs, pages.

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;

mod exports_hold_every_joule_once;
mod exports_of_unusual_runs_are_complete;
mod flamegraphs_hold_every_joule_once;
mod flamegraphs_match_the_goldens;
mod flamegraphs_support_mouse_and_search;
mod report_charts_match_the_recording;
mod reports_escape_recorded_text;
mod reports_explain_missing_data;
mod reports_sum_to_the_recording;
mod viewers_open_exports;
mod windows_of_a_walk_match_the_whole_walk;
