//! Methods of attribution and comparison on simulated runs of known energy.

mod a_method_is_scored_against_the_truth;
mod changes_of_power_are_found;
mod earlier_runs_improve_the_fit;
mod estimates_are_closer_than_time_shares;
mod gaps_of_a_sensor_give_no_verdict;
mod large_runs_resemble_recorded_runs;
mod odd_recordings_are_attributed_or_refused;
mod simulated_truth_adds_up;
