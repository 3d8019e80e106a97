//! The split of one joule of a window's active energy, also for rails that contain others.
//!
//! ```text
//! package   |==== 6 J active ====|      of one joule: 4/6 like the GPU's, 2/6 by
//!   gpu     |==== 4 J active ====|      CPU time
//! ```
//!
//! A rail that contains a device's rail includes the device's energy, which must not be split
//! by CPU time. If both have the same window, the device's part is split like the device, and
//! the remainder by CPU time.

use super::engine::Engine;
use super::rails::Measured;
use super::rule::Split;
use super::split::{WindowView, cell_powers, device_domain};
use super::windows::{Window, in_domain};

/// Split of one joule of a window's active energy.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Unit {
    pub(super) split: Split,
    /// Powers of the window's cells.
    pub(super) cells: Vec<f64>,
}

/// A device's window, used by the rail that contains the device.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DeviceWindow {
    start: i64,
    end: i64,
    active_j: f64,
    unit: Unit,
}

impl Unit {
    /// Returns the split of `amount` joules.
    pub(super) fn times(&self, amount: f64) -> Self {
        let part = |share: Option<f64>| share.map(|share| share * amount);
        let scaled = |shares: &[f64]| shares.iter().map(|share| share * amount).collect();
        Self {
            split: Split {
                threads: scaled(&self.split.threads),
                cells: scaled(&self.split.cells),
                outside: part(self.split.outside),
                others: part(self.split.others),
                profiler: part(self.split.profiler),
                unknown: part(self.split.unknown),
            },
            cells: scaled(&self.cells),
        }
    }

    /// Adds another split of the same window.
    fn plus(mut self, other: &Self) -> Self {
        let sums = |own: &mut Vec<f64>, more: &[f64]| {
            own.iter_mut()
                .zip(more)
                .for_each(|(sum, part)| *sum += part);
        };
        let sum = |own: &mut Option<f64>, more: Option<f64>| {
            *own = own.map_or(more, |share| Some(share + more.unwrap_or(0.0)));
        };
        sums(&mut self.split.threads, &other.split.threads);
        sums(&mut self.cells, &other.cells);
        sum(&mut self.split.outside, other.split.outside);
        sum(&mut self.split.others, other.split.others);
        sum(&mut self.split.profiler, other.split.profiler);
        sum(&mut self.split.unknown, other.split.unknown);
        self
    }
}

impl Engine {
    /// Splits one joule of a window whose active energy is `active_j`.
    pub(super) fn unit(
        &mut self,
        at: usize,
        active_j: f64,
        measured: &Measured,
        view: &WindowView,
    ) -> Unit {
        let (split, domain) = self.split(at, 1.0, measured, view);
        let passes = in_domain(&self.stacks.nodes, domain);
        let cells = cell_powers(&split, &view.window, passes);
        let unit = Unit { split, cells };
        if device_domain(self.rails[at].row.kind).is_some() {
            self.rails[at].device_window = Some(DeviceWindow {
                start: measured.start,
                end: measured.end,
                active_j,
                unit: unit.clone(),
            });
            return unit;
        }
        self.with_devices(at, active_j, &view.window, unit)
    }

    /// Replaces the part of the devices inside a rail by their own split.
    fn with_devices(&self, at: usize, active_j: f64, window: &Window, unit: Unit) -> Unit {
        let id = self.rails[at].row.id;
        let inside = self.rails.iter().filter(|rail| rail.row.parent == Some(id));
        let windows = inside.filter_map(|rail| rail.device_window.as_ref());
        let windows: Vec<&DeviceWindow> = windows
            .filter(|device| (device.start, device.end) == (window.start, window.end))
            .filter(|device| device.active_j > 0.0)
            .collect();
        let devices_j: f64 = windows.iter().map(|device| device.active_j).sum();
        if devices_j <= 0.0 || active_j <= 0.0 || unit.split == Split::default() {
            return unit;
        }
        // Sensors round, so that devices may seem to use more than the rail that contains them.
        let whole_j = active_j.max(devices_j);
        let remainder = unit.times((whole_j - devices_j) / whole_j);
        let mut sum = windows.iter().fold(remainder, |sum, device| {
            sum.plus(&device.unit.times(device.active_j / whole_j))
        });
        // Cells of one thread may have different powers now.
        let cells = window.cells().iter().zip(&sum.cells);
        let energies = cells.map(|(&(_, ns), power)| power * (ns as f64 / 1e9));
        sum.split.cells = energies.collect();
        sum
    }
}
