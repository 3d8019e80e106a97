//! Views of one run, one file for each, as an [`Answer`](crate::format::Answer) in any
//! format.

mod balance;
mod hot;
mod layers;
mod pipeline;
mod power;
mod scope;
mod sql;
mod statistics;
mod tokens;

pub use balance::{BalanceOptions, balance};
pub use hot::{HotOptions, hot};
pub use layers::layers;
pub use pipeline::pipeline;
pub use power::{SampleOptions, power};
pub use scope::{ViewScope, parse_basis};
pub use sql::{SqlOptions, SqlResult, sql};
pub(crate) use statistics::EnergyStatistics;
pub use tokens::{TokensOptions, tokens};
