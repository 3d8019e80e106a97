//! Names of metrics, attributes and events.
//!
//! Names that OpenTelemetry defines follow version [`SEMANTIC_CONVENTIONS`] of its semantic
//! conventions. All of `hw.*` and `gen_ai.*` have the status "development" there. The names in
//! `tracing_energy.*` are ours: there is no convention for the energy of a span or a process.

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
    /// Module that declares the span.
    pub const CODE_NAMESPACE: &str = "code.namespace";
    /// Kind of the model's operation, on the run's span.
    pub const GEN_AI_OPERATION: &str = "gen_ai.operation.name";
    /// Name of the model, on the run's span.
    pub const GEN_AI_MODEL: &str = "gen_ai.request.model";
    /// Prompt tokens, on the run's span.
    pub const GEN_AI_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
    /// Generated tokens, on the run's span.
    pub const GEN_AI_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
}

/// Metrics: name, unit and description.
pub mod metric {
    /// A metric.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct MetricName {
        /// Name in OpenTelemetry.
        pub name: &'static str,
        /// Its unit, in UCUM.
        pub unit: &'static str,
        /// Name in Prometheus, without the suffix of counters.
        pub prometheus: &'static str,
        /// Description.
        pub description: &'static str,
    }

    /// Energy of a root rail.
    pub const ENERGY: MetricName = MetricName {
        name: "hw.energy",
        unit: "J",
        prometheus: "hw_energy_joules",
        description: "Energy that a power rail has measured; root rails only, which may be added",
    };
    /// Power of a root rail.
    pub const POWER: MetricName = MetricName {
        name: "hw.power",
        unit: "W",
        prometheus: "hw_power_watts",
        description: "Mean power of a root rail in its latest sample",
    };
    /// Energy of the machine by meters of the whole of it.
    pub const HOST_ENERGY: MetricName = MetricName {
        name: "hw.host.energy",
        unit: "J",
        prometheus: "hw_host_energy_joules",
        description: "Energy of the whole machine, from rails that measure it",
    };
    /// Accounts of a rail.
    pub const ACCOUNT: MetricName = MetricName {
        name: "tracing_energy.account",
        unit: "J",
        prometheus: "tracing_energy_account_joules",
        description: "Account of a rail's energy; the accounts of a rail sum to its energy",
    };
    /// Energy of an operation.
    pub const KIND_ENERGY: MetricName = MetricName {
        name: "tracing_energy.kind.energy",
        unit: "J",
        prometheus: "tracing_energy_kind_energy_joules",
        description: "Active self energy of an operation; may decrease slightly",
    };
    /// Self time of an operation.
    pub const KIND_TIME: MetricName = MetricName {
        name: "tracing_energy.kind.time",
        unit: "s",
        prometheus: "tracing_energy_kind_time_seconds",
        description: "Self time of an operation, summed over threads",
    };
    /// Entries into an operation.
    pub const KIND_ACTIVATIONS: MetricName = MetricName {
        name: "tracing_energy.kind.activations",
        unit: "{activation}",
        prometheus: "tracing_energy_kind_activations",
        description: "Entries into spans of an operation",
    };

    /// All metrics that are sent by OTLP.
    pub const ALL: [MetricName; 7] = [
        ENERGY,
        POWER,
        HOST_ENERGY,
        ACCOUNT,
        KIND_ENERGY,
        KIND_TIME,
        KIND_ACTIVATIONS,
    ];

    /// Attribute: `SOURCE/RAIL`.
    pub const HW_ID: &str = "hw.id";
    /// Attribute: `cpu`, `gpu`, `memory`, ...
    pub const HW_TYPE: &str = "hw.type";
    /// Attribute: name of the rail.
    pub const HW_NAME: &str = "hw.name";
    /// Attribute: the rail that contains this one.
    pub const HW_PARENT: &str = "hw.parent";
    /// Attribute: name of an account.
    pub const ACCOUNT_NAME: &str = "account";
    /// Attribute: the operation.
    pub const KIND: &str = "kind";
    /// Attribute: role of the operation.
    pub const ROLE: &str = "role";
    /// Attribute: how an energy was determined.
    pub const BASIS: &str = "basis";
    /// Attribute: origin of the power.
    pub const PROVENANCE: &str = "provenance";
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
        let names: HashSet<&str> = metric::ALL.iter().map(|metric| metric.prometheus).collect();
        assert_eq!(names.len(), metric::ALL.len());
    }

    #[test]
    fn the_schema_is_that_of_the_conventions() {
        assert!(SCHEMA_URL.ends_with(SEMANTIC_CONVENTIONS));
    }
}
