//! The rows of a recording, one type for each table of the store.
//!
//! Times are ns since the run's start, energies joules. `None` means "not known", never
//! zero. Ids are dense, start at 1 and are local to the run.

mod attribution;
mod balance;
mod calibration;
mod conditions;
mod energy;
mod experiment;
mod kinds;
mod power;
mod processes;
mod run;
mod spans;
mod threads;
mod tree;

pub use attribution::{AttributionRow, AttributionRows};
pub use balance::{ACCOUNT_NAMES, Accounts, BalanceRow, SampleBalanceRow};
pub use calibration::{CalibrationKey, CalibrationKindRow, CalibrationRow};
pub use conditions::{ConditionRow, ConditionTime};
pub use energy::{Basis, NodeEnergyRow, PhaseEnergyRow, SpanEnergyRow, WindowPowerRow};
pub use experiment::{ExperimentRow, TrialRow, TrialStatus};
pub use kinds::{KindEnergyRow, KindFitRow, KindGroupRow};
pub use power::{BaselineRow, DeviceUseRow, RailRow, SampleRow, SensorMetricRow};
pub use processes::ProcessRow;
pub use run::{EventRow, RunMetadata, RunRow, RunStatus};
pub use spans::{FieldsRow, GPU_BEGAN, GPU_ENDED, InstanceRow, LinkRow, SpanEventRow, SpanRow};
pub use threads::{CpuRow, CpuScope, ThreadRole, ThreadRow};
pub use tree::{CallsiteRow, Domain, NodeRow, NodeWindowRow, Role};
