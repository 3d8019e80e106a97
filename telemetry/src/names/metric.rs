//! Metrics: name, unit and description.

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricName {
    /// Name in OpenTelemetry; empty if the metric is not sent there.
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

/// Facts about a run, with the value 1; in Prometheus only, as the other metrics of runs.
pub const RUN_INFO: MetricName = of_runs(
    "",
    "tracing_energy_run",
    "Facts about a run; the value is 1",
);
/// Energy of a run as in its summary.
pub const RUN_ENERGY: MetricName = of_runs(
    "J",
    "tracing_energy_run_energy_joules",
    "Energy of the measured work of a run, as in its summary",
);
/// Tokens of a run.
pub const RUN_TOKENS: MetricName = of_runs(
    "{token}",
    "tracing_energy_run_tokens",
    "Prompt tokens (input) and generated tokens (output) of a run",
);
/// Start of a run.
pub const RUN_START: MetricName = of_runs(
    "s",
    "tracing_energy_run_start_time_seconds",
    "Start of a run in seconds since 1970",
);

/// Metrics of runs, in Prometheus only.
pub const OF_RUNS: [MetricName; 4] = [RUN_INFO, RUN_ENERGY, RUN_TOKENS, RUN_START];

const fn of_runs(
    unit: &'static str,
    prometheus: &'static str,
    description: &'static str,
) -> MetricName {
    MetricName {
        name: "",
        unit,
        prometheus,
        description,
    }
}

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
