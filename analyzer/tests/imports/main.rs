//! Spans and power of other programs become runs.

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;

mod chrome_energy_is_conserved;
mod chrome_traces_become_runs;
mod clock_offsets_are_found_or_requested;
mod clock_steps_and_batched_readings_are_reported;
mod idle_power_of_rails_is_independent;
mod imported_energy_is_conserved;
mod malformed_chrome_traces_are_repaired_or_refused;
mod power_recordings_become_runs;
mod tables_of_other_programs_are_imported;
mod time_without_samples_is_extrapolated;
mod tracing_chrome_files_are_imported;
