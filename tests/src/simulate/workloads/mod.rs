//! Programs to simulate.

mod adversarial;
mod gpu;
mod lengths;
mod llm;
mod once;
mod web;

use super::program::SimulatedProgram;
use super::scenario::Scenario;

/// Runs it and returns the run's end, ns.
pub(super) fn run(scenario: Scenario, program: &mut SimulatedProgram<'_>) -> i64 {
    match scenario {
        Scenario::Llm | Scenario::LlmFine => llm::run(program, 64, true),
        Scenario::Short => llm::run(program, 6, false),
        Scenario::Web => web::run(program),
        Scenario::Adversarial => adversarial::run(program),
        Scenario::Once => once::run(program),
        Scenario::Gpu => gpu::run(program),
    }
}
