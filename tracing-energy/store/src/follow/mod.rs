//! Follows a recording file that other processes write.
//!
//! ```text
//! recorder     flush            flush            flush     (killed)
//!                |                |                |
//! file         version 7        version 8        version 9
//!                    |    |    |      |    |    |      |    |
//! follower  poll     7    7    7      8    8    8      9    process gone
//!                    |                |                |    |
//! updates          rows             rows             rows  ended: crashed
//! ```
//!
//! A poll reads `data_version`, which costs about 50 us. Only if another connection
//! has committed since, it reads the new rows by key, in one short transaction: a reader in WAL mode
//! takes no lock that the recorder waits for, and a short transaction does not keep the WAL
//! from being checkpointed. The number of rows of a poll is limited; the next one continues.
//!
//! | file | reads |
//! |---|---|
//! | `directory` | runs that are new or deleted, attributions that replace earlier ones |
//! | `run` | one run: the order of its tables, and when it has ended |
//! | `described` | small tables that are read completely and compared |
//! | `numbered` | tables with rows that are numbered in the order of writing |
//! | `spans` | span entries: new numbers, and again those that were open |
//! | `windows` | tables ordered by time, in which rails are late by different times |
//! | `ranges` | windows that were read long ago |
//! | `energies` | energies of spans that have ended, and totals |

mod described;
mod directory;
mod energies;
mod follower;
mod numbered;
mod run;
mod spans;
mod windows;

pub use follower::{FollowFrom, Follower};
