//! Maps channels to rails by their exact names.
//!
//! | channel | rail |
//! |---|---|
//! | `CPU Energy`, `DIE_0_CPU Energy`, ... | `cpu` |
//! | `GPU Energy` | `gpu` |
//! | `ANE`, `ANE0`, `ANE0_1`, ... | `ane` |
//! | `DRAM`, `DRAM0`, ... | `dram` |
//!
//! Cores, clusters and `GPU SRAM` are or may be parts of these and are ignored.

use energy_data::RailKind;
use energy_data::units::Energy;

/// The unit of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelUnit {
    /// `mJ`.
    Millijoule,
    /// `uJ`.
    Microjoule,
    /// `nJ`.
    Nanojoule,
}

impl ChannelUnit {
    /// Returns the unit with that label, which may be padded with blanks.
    pub fn of_label(label: &str) -> Option<Self> {
        match label.trim() {
            "mJ" => Some(Self::Millijoule),
            "uJ" => Some(Self::Microjoule),
            "nJ" => Some(Self::Nanojoule),
            _ => None,
        }
    }
}

/// One channel's count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Its unit; `None` if the label is not a unit of energy.
    pub unit: Option<ChannelUnit>,
    /// The counted value.
    pub count: i64,
}

impl Channel {
    /// Returns the counted energy; `None` if the unit is unknown or the counter went
    /// backwards.
    pub fn energy(&self) -> Option<Energy> {
        let count = u64::try_from(self.count).ok()? as f64;
        Some(match self.unit? {
            ChannelUnit::Millijoule => Energy::from_millijoules(count),
            ChannelUnit::Microjoule => Energy::from_microjoules(count),
            ChannelUnit::Nanojoule => Energy::from_joules(count / 1e9),
        })
    }
}

/// A rail whose energy channels count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChannelRail {
    pub(super) name: &'static str,
    pub(super) kind: RailKind,
}

const fn rail(name: &'static str, kind: RailKind) -> ChannelRail {
    ChannelRail { name, kind }
}

/// All rails, in the order in which they are shown.
pub(super) const RAILS: [ChannelRail; 4] = [
    rail("cpu", RailKind::Cpu),
    rail("gpu", RailKind::Gpu),
    rail("ane", RailKind::Ane),
    rail("dram", RailKind::Dram),
];

/// Returns the rail that a channel belongs to.
pub(super) fn rail_of(channel: &Channel) -> Option<ChannelRail> {
    let name = without_die(&channel.name);
    let numbered = |stem: &str| {
        let rest = name.strip_prefix(stem);
        rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'_'))
    };
    let [cpu, gpu, ane, dram] = RAILS;
    match name {
        "CPU Energy" => Some(cpu),
        "GPU Energy" => Some(gpu),
        _ if numbered("ANE") => Some(ane),
        _ if numbered("DRAM") => Some(dram),
        _ => None,
    }
}

/// Removes the die from a name: `DIE_1_CPU Energy` is `CPU Energy` of the second die.
fn without_die(name: &str) -> &str {
    let rest = name.strip_prefix("DIE_");
    let rest = rest.and_then(|rest| rest.split_once('_'));
    match rest {
        Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str, unit: Option<ChannelUnit>, count: i64) -> Channel {
        Channel {
            name: name.into(),
            unit,
            count,
        }
    }

    #[test]
    fn names_are_matched_whole() {
        let rail = |name| rail_of(&channel(name, None, 0)).map(|rail| rail.name);
        for (name, expected) in [
            ("CPU Energy", Some("cpu")),
            ("DIE_0_CPU Energy", Some("cpu")),
            ("DIE_12_CPU Energy", Some("cpu")),
            ("GPU Energy", Some("gpu")),
            ("ANE", Some("ane")),
            ("ANE0_1", Some("ane")),
            ("DRAM0", Some("dram")),
            ("DIE_1_DRAM", Some("dram")),
            ("ECPU", None),
            ("PCPU0", None),
            ("EACC_CPU0", None),
            ("CPU Energy Model", None),
            ("DIE_x_CPU Energy", None),
            ("GPU SRAM0", None),
            ("DRAM BW", None),
            ("", None),
        ] {
            assert_eq!(rail(name), expected, "{name}");
        }
    }

    #[test]
    fn units_are_those_of_the_label() {
        let joules = |label, count| {
            let energy = channel("x", ChannelUnit::of_label(label), count).energy();
            energy.map(Energy::joules)
        };
        assert_eq!(joules("mJ      ", 1500), Some(1.5));
        assert_eq!(joules("uJ", 1500), Some(0.0015));
        assert_eq!(joules("nJ", 2_000_000_000), Some(2.0));
        assert_eq!(joules("mW", 5), None);
        assert_eq!(joules("mJ", -1), None, "backwards is unknown");
    }
}
