//! Method `proportional`: active energy by the rule, also for rails that contain others.
//!
//! ```text
//! package   |==== 6 J active ====|      of one joule: 4/6 like the GPU's, 2/6 by
//!   gpu     |==== 4 J active ====|      CPU time
//! ```
//!
//! A rail that contains a device's rail includes the device's energy, which must not be split
//! by CPU time. If both have the same window, the device's part is split like the device, and
//! the remainder by CPU time.

use crate::allocate::allocation::{Allocation, CellSplit, Split, cell_powers};
use crate::allocate::allocator::Allocator;
use crate::allocate::rule;
use crate::windows::activity::ActivityCell;
use crate::windows::basis::device_domain;
use crate::windows::view::WindowView;

/// The method's name in tables.
pub const METHOD: &str = "proportional";
/// The method's version.
pub const VERSION: u32 = 2;

/// A device's window, used by the rail that contains the device.
#[derive(Debug, Clone, PartialEq)]
struct DeviceWindow {
    start: i64,
    end: i64,
    active_j: f64,
    unit: CellSplit,
}

/// Splits active energy by the rule.
#[derive(Debug, Default)]
pub(crate) struct Proportional {
    /// The last window of each device, by index of the rail.
    devices: Vec<Option<DeviceWindow>>,
}

impl Allocator for Proportional {
    fn allocate(&mut self, view: &WindowView) -> Allocation {
        let idle_j = view.sample.idle_j();
        let active_j = view.sample.active_j();
        let unit = self.unit(active_j, view);
        Allocation {
            idle_j,
            active: unit.times(active_j),
            in_idle: idle_j.map(|idle| unit.times(idle)),
            is_estimated: false,
        }
    }
}

impl Proportional {
    /// Splits one joule of a window with the active energy `active_j`.
    fn unit(&mut self, active_j: f64, view: &WindowView) -> CellSplit {
        let split = split_joule(view);
        let cells = powers(&split, view);
        let unit = CellSplit { split, cells };
        let sample = &view.sample;
        if device_domain(sample.kind).is_none() {
            return self.with_devices(active_j, view, unit);
        }
        if self.devices.len() <= sample.at {
            self.devices.resize(sample.at + 1, None);
        }
        self.devices[sample.at] = Some(DeviceWindow {
            start: sample.measured.start,
            end: sample.measured.end,
            active_j,
            unit: unit.clone(),
        });
        unit
    }

    /// Replaces the part of the devices inside a rail by their own split.
    fn with_devices(&self, active_j: f64, view: &WindowView, unit: CellSplit) -> CellSplit {
        let window = &view.content.window;
        let inside = view
            .parts
            .iter()
            .filter_map(|&at| self.devices.get(at)?.as_ref());
        let windows: Vec<&DeviceWindow> = inside
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
        let energies = cells.map(|(cell, power)| power * cell.seconds());
        sum.split.cells = energies.collect();
        sum
    }
}

/// Splits one joule of a window's active energy by the rule. A window whose spans were dropped
/// before its sample arrived is not split.
pub(crate) fn split_joule(view: &WindowView) -> Split {
    let division = view.division.as_ref();
    division.map_or_else(Split::default, |division| {
        rule::split(1.0, &view.content, division)
    })
}

/// Returns powers of cells. If energies are known by thread only, they are divided among those
/// of the thread's nodes that share the rail's energy, by self time.
fn powers(split: &Split, view: &WindowView) -> Vec<f64> {
    let window = &view.content.window;
    if !split.cells.is_empty() {
        return cell_powers(split, window);
    }
    let domain = view.division.as_ref().and_then(|division| division.domain);
    let mut powers = Vec::with_capacity(window.cells().len());
    for (part, energy) in window.threads.iter().zip(&split.threads) {
        let cells = window.cells_of(part);
        let sharing = cells.iter().filter(|cell| cell.is_in(domain));
        let total: i64 = sharing.map(|cell| cell.ns).sum();
        let power = energy / (total as f64 / 1e9);
        let power = |cell: &ActivityCell| if cell.is_in(domain) { power } else { 0.0 };
        powers.extend(cells.iter().map(power));
    }
    powers
}
