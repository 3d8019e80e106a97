//! Everything about one sample's window that methods and observers use, as plain values.
//!
//! ```text
//! window       |---------- 100 ms ----------|
//! rail `gpu`   sample, basis: device use      \   content: threads, cells, CPU times
//! rail `cpu`   sample, basis: CPU time        /   and phases, shared by both
//! ```

use std::rc::Rc;

use energy_data::RailKind;
use energy_data::rows::Domain;

use crate::windows::activity::{Activity, Window};
use crate::windows::basis::{CpuUse, SplitBasis};
use crate::windows::measured::MeasuredPart;
use crate::windows::processes::ProcessGroup;
use crate::windows::window_cpu::WindowCpu;

/// What ran in a window. Rails with the same window share it.
#[derive(Debug)]
pub(crate) struct WindowContent {
    pub(crate) window: Window,
    /// Active times of all activations.
    pub(crate) activity: Activity,
    pub(crate) groups: Vec<ProcessGroup>,
    pub(crate) used: WindowCpu,
    pub(crate) cpu: Option<CpuUse>,
    /// Time of each set of open phases.
    pub(crate) phase_times: Vec<(u32, i64)>,
    /// The phase with the largest share.
    pub(crate) phase: Option<u32>,
    /// Whether all kinds count as known, because an estimate gives them.
    pub(crate) knows_kinds: bool,
    /// Whether there are totals instead of openings and closings.
    pub(crate) is_from_totals: bool,
}

/// One sample's window on its rail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleWindow {
    /// Index of the rail.
    pub(crate) at: usize,
    /// Id of the rail.
    pub(crate) rail: u32,
    pub(crate) kind: RailKind,
    pub(crate) is_modelled: bool,
    pub(crate) measured: MeasuredPart,
    pub(crate) energy_j: f64,
    /// Idle power that is subtracted.
    pub(crate) baseline_w: Option<f64>,
}

/// How a window's active energy is divided.
#[derive(Debug)]
pub(crate) struct Division {
    pub(crate) basis: SplitBasis,
    /// The domain, if only its activations share the energy.
    pub(crate) domain: Option<Domain>,
    /// Whether a span used that domain by the end of the window.
    pub(crate) is_domain_used: bool,
    /// Active times in that domain.
    pub(crate) activity: Option<Activity>,
}

/// One sample's window with what ran in it.
#[derive(Debug)]
pub(crate) struct WindowView {
    pub(crate) sample: SampleWindow,
    pub(crate) content: Rc<WindowContent>,
    /// `None` if the window's spans were dropped before its sample arrived.
    pub(crate) division: Option<Division>,
    /// Indices of the rails that this rail contains.
    pub(crate) parts: Vec<usize>,
}

impl SampleWindow {
    /// Returns idle power times the length of the window; `None` if idle power is unknown.
    pub(crate) fn idle_j(&self) -> Option<f64> {
        let length_s = (self.measured.end - self.measured.start) as f64 / 1e9;
        self.baseline_w.map(|watts| watts * length_s)
    }

    /// Returns the measured energy without idle energy.
    pub(crate) fn active_j(&self) -> f64 {
        self.energy_j - self.idle_j().unwrap_or(0.0)
    }
}
