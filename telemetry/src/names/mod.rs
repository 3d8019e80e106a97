//! Names of metrics, attributes, labels and events.
//!
//! Names that OpenTelemetry defines follow version [`SEMANTIC_CONVENTIONS`] of its semantic
//! conventions. All of `hw.*` and `gen_ai.*` have the status "development" there. The names in
//! `tracing_energy.*` are ours: there is no convention for the energy of a span or a process.

pub mod label;
pub mod metric;

/// Version of the semantic conventions that the names follow.
pub const SEMANTIC_CONVENTIONS: &str = "1.42.0";
/// Schema of these conventions, which is sent with every signal.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";
/// Name of the instrumentation scope of all signals.
pub const SCOPE: &str = "tracing-energy";

/// Name of the event that carries the energies of a span which another exporter has sent.
pub const SPAN_ENERGY_EVENT: &str = "tracing_energy.span.energy";

/// Attributes of resources.
pub mod resource {
    /// Name of the service: the run's tag `service`, or its name.
    pub const SERVICE_NAME: &str = "service.name";
    /// Uuid of the run.
    pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
    /// Host name.
    pub const HOST_NAME: &str = "host.name";
    /// Hashed id of the machine.
    pub const HOST_ID: &str = "host.id";
    /// Operating system and version.
    pub const OS_DESCRIPTION: &str = "os.description";
    /// Name of the run.
    pub const RUN_NAME: &str = "tracing_energy.run.name";
    /// Processor.
    pub const CHIP: &str = "tracing_energy.chip";
}

/// Attributes of spans and of events about them.
pub mod span {
    /// Active energy with nested entries of the same thread, in joules.
    pub const ENERGY: &str = "tracing_energy.energy_j";
    /// Active energy without nested entries, in joules.
    pub const SELF_ENERGY: &str = "tracing_energy.self_j";
    /// Total energy of the root rails during the span, in joules: for runs, phases and tokens.
    pub const INTERVAL_ENERGY: &str = "tracing_energy.interval_j";
    /// Lower end of the 90 % interval of the interval energy.
    pub const LOW: &str = "tracing_energy.lo_j";
    /// Upper end of it.
    pub const HIGH: &str = "tracing_energy.hi_j";
    /// How the energy was determined: `measured`, `proportional`, `fitted`, ...
    pub const BASIS: &str = "tracing_energy.basis";
    /// Origin of the power: `measured`, `modelled`, `replayed`, or several joined by `+`.
    pub const PROVENANCE: &str = "tracing_energy.provenance";
    /// Number of the attribution within the run.
    pub const ATTRIBUTION: &str = "tracing_energy.attribution";
    /// The operation: path of span names.
    pub const KIND: &str = "tracing_energy.kind";
    /// Role of the span: `run`, `phase`, `token`, ...
    pub const ROLE: &str = "tracing_energy.role";
    /// Token number.
    pub const TOKEN: &str = "tracing_energy.token";
    /// Number of the thread in the operating system.
    pub const THREAD_ID: &str = "thread.id";
    /// Name of the thread.
    pub const THREAD_NAME: &str = "thread.name";
    /// Target of the span: the module that declares it, if the program names no other. The conventions
    /// have a name for functions only.
    pub const TARGET: &str = "tracing_energy.target";
    /// Kind of the model's operation, on the run's span.
    pub const GEN_AI_OPERATION: &str = "gen_ai.operation.name";
    /// Name of the model, on the run's span.
    pub const GEN_AI_MODEL: &str = "gen_ai.request.model";
    /// Prompt tokens, on the run's span.
    pub const GEN_AI_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
    /// Generated tokens, on the run's span.
    pub const GEN_AI_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
}

/// Returns the value of `hw.type` for a kind of rail. The conventions allow further types: those
/// that they lack, such as `ane`, are the kind itself. A whole machine is its `enclosure`.
pub fn hw_type(rail_kind: &str) -> &str {
    match rail_kind {
        "dram" => "memory",
        "package" => "cpu",
        "system" => "enclosure",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_used_once() {
        let names: HashSet<&str> = metric::ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), metric::ALL.len());
        let all = || metric::ALL.iter().chain(&metric::OF_RUNS);
        let names: HashSet<&str> = all().map(|metric| metric.prometheus).collect();
        assert_eq!(names.len(), all().count());
    }

    #[test]
    fn the_schema_is_that_of_the_conventions() {
        assert!(SCHEMA_URL.ends_with(SEMANTIC_CONVENTIONS));
    }
}
