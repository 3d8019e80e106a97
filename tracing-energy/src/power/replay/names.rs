//! Rails of tables, which give no more than a name.

use crate::power::{Rail, RailKind};

/// The rails named `names`. A package (or `combined`, the sum that powermetrics
/// prints) contains processor, graphics and neural engine; a system everything.
pub(super) fn tree(names: &[String], unit: &'static str) -> Vec<Rail> {
    let kinds: Vec<RailKind> = names.iter().map(|name| kind(name)).collect();
    let first = |wanted| kinds.iter().position(|&kind| kind == wanted);
    let (package, system) = (first(RailKind::Package), first(RailKind::System));
    let parent = |kind| match kind {
        RailKind::System => None,
        RailKind::Cpu | RailKind::Gpu | RailKind::Ane => package.or(system),
        _ => system,
    };
    let named = names.iter().zip(&kinds);
    named
        .map(|(name, &kind)| Rail {
            name: name.clone(),
            kind,
            parent: parent(kind),
            unit,
        })
        .collect()
}

fn kind(name: &str) -> RailKind {
    let name = name.to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    match () {
        () if begins(&["cpu", "core"]) => RailKind::Cpu,
        () if begins(&["gpu", "uncore"]) => RailKind::Gpu,
        () if begins(&["ane"]) => RailKind::Ane,
        () if begins(&["dram", "ram", "memory"]) => RailKind::Dram,
        () if begins(&["package", "combined", "soc"]) => RailKind::Package,
        () if begins(&["psys", "system", "sys", "total", "wall"]) => RailKind::System,
        () => RailKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_contain_their_parts() {
        let names = ["cpu_power", "combined_power", "DRAM", "psys", "fan"].map(String::from);
        let rails = tree(&names, "W");
        let parents: Vec<_> = rails.iter().map(|rail| rail.parent).collect();
        assert_eq!(parents, [Some(1), Some(3), Some(3), None, Some(3)]);
    }
}
