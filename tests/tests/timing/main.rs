//! Tests that sleep for a given time, measure it, depend on being scheduled in time, or measure
//! the whole process: one at a time. The main step of the checks leaves out tests with `timing_`
//! in their names, and a step of its own runs them.

mod timing_a_busy_or_hot_machine_is_reported;
mod timing_a_follower_sees_another_process_at_once;
mod timing_a_locked_database_costs_rows_only;
mod timing_a_restarted_sensor_process_stays_the_profilers;
mod timing_a_server_answers_soon_after_its_start;
mod timing_a_stopped_program_gets_no_invented_power;
mod timing_cpu_time_of_a_sensor_process_is_the_profilers;
mod timing_device_energy_is_charged_to_its_users;
mod timing_energy_is_power_times_time;
mod timing_energy_of_the_fake_sensor_is_recorded;
mod timing_energy_regressions_stop_a_check;
mod timing_idle_power_before_the_first_span_is_measured;
mod timing_own_work_is_not_idle_power;
mod timing_rails_count_by_what_they_draw;
mod timing_several_sources_make_one_total;
mod timing_tracing_chrome_traces_get_energy;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// Runs `test` while no other test of this program runs. It may fail twice, because what else
/// the machine does delays it and draws power; a fault of the code shows in every try.
pub(crate) fn undisturbed(test: impl Fn()) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let attempt = || catch_unwind(AssertUnwindSafe(&test));
    for _ in 0..2 {
        if attempt().is_ok() {
            return;
        }
        eprintln!("the test failed; it is tried again");
    }
    attempt().unwrap_or_else(|failure| resume_unwind(failure));
}
