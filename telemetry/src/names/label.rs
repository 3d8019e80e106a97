//! Labels of metrics in Prometheus. The others are the attributes of [`metric`](super::metric).

/// Uuid of the run.
pub const RUN: &str = "run";
/// Name of the run.
pub const RUN_NAME: &str = "run_name";
/// The run's tag `service`.
pub const SERVICE: &str = "service";
/// `running`, `complete`, `cancelled` or `crashed`.
pub const STATUS: &str = "status";
/// Name of the model.
pub const MODEL: &str = "model";
/// Number format of the model's weights.
pub const PRECISION: &str = "precision";
/// Host name.
pub const HOST: &str = "host";
/// Processor.
pub const CHIP: &str = "chip";
/// `input` or `output` of tokens.
pub const DIRECTION: &str = "direction";
/// `SOURCE/RAIL`.
pub const HW_ID: &str = "hw_id";
/// `cpu`, `gpu`, `memory`, ...
pub const HW_TYPE: &str = "hw_type";
