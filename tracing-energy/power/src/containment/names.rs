//! Derives a rail's kind and level from its name: for tables, and for drivers that give only
//! labels.

use energy_data::RailKind;

/// Returns the kind of rail that a name suggests.
#[cfg_attr(
    not(feature = "replay"),
    allow(dead_code, reason = "used by replay only")
)]
pub(crate) fn kind(name: &str) -> RailKind {
    let words = words(name);
    let begins = |stems: &[&str]| stems.iter().any(|stem| words.starts_with(stem));
    let has = |stem: &str| words.contains(stem);
    match () {
        () if begins(&["gpu", "uncore", "igpu", "dgpu", "gfx", "nvidia", "pp1"]) => RailKind::Gpu,
        // A zone of powercap: a package, and what is numbered in it.
        () if begins(&["intel rapl "]) => match words.split(' ').count() {
            0..=3 => RailKind::Package,
            _ => RailKind::Cpu,
        },
        () if begins(&["cpu", "core", "corwatt", "pp0"]) || has("cluster") => RailKind::Cpu,
        () if begins(&["ecpu", "pcpu", "mcpu", "scpu", "e core", "p core"]) => RailKind::Cpu,
        () if begins(&["ane"]) => RailKind::Ane,
        () if begins(&["dram", "ram", "memory"]) => RailKind::Dram,
        () if begins(&["package", "pkg", "combined", "soc"]) => RailKind::Package,
        () if begins(&["psys", "system", "sys", "total", "wall", "battery"]) => RailKind::System,
        () => RailKind::Other,
    }
}

/// Returns the name in lower case with single blanks between words, without perf's `energy-`.
fn words(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let stem = lower.trim_matches('/');
    let stem = stem.strip_prefix("power/").unwrap_or(stem);
    let stem = stem.strip_prefix("energy-").unwrap_or(stem);
    let separated = stem.replace(['_', '-', ' ', '.', ':'], " ");
    separated.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the number of a package, if its name has one: 1 for `package-1`,
/// `package-1-die-0`, `pkg1`.
pub(super) fn package(name: &str) -> Option<u32> {
    first_number(name)
}

/// Returns package and die number of `package-0-die-1`.
pub(super) fn die(name: &str) -> Option<(u32, u32)> {
    let words = words(name);
    let (package, die) = words.split_once(" die ")?;
    Some((first_number(package)?, first_number(die)?))
}

/// Returns the first number in a name.
pub(super) fn first_number(name: &str) -> Option<u32> {
    let from = name.find(|c: char| c.is_ascii_digit())?;
    let digits = &name[from..];
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

/// Returns the level of a processor rail: 0 the whole, 1 all cores, 2 a cluster, 3 a core.
pub(super) fn cpu_level(name: &str) -> u8 {
    let words = words(name);
    let is_numbered = first_number(&words).is_some();
    match () {
        () if words.contains("cluster") => 2,
        () if ["ecpu", "pcpu", "mcpu", "scpu", "e core", "p core"]
            .iter()
            .any(|stem| words.starts_with(stem)) =>
        {
            if is_numbered {
                3
            } else {
                2
            }
        }
        () if is_numbered => 3,
        () if ["core", "corwatt", "pp0"]
            .iter()
            .any(|stem| words.starts_with(stem)) =>
        {
            1
        }
        () => 0,
    }
}

/// Returns whether the name of a graphics rail has a number: `gpu0`, `gpu-1`.
pub(super) fn is_numbered(name: &str) -> bool {
    first_number(name).is_some()
}

/// Returns whether a name indicates graphics in the processor's package.
pub(super) fn is_integrated(name: &str) -> bool {
    let words = words(name);
    ["igpu", "uncore", "gfx", "pp1", "integrated"]
        .iter()
        .any(|word| words.starts_with(word))
}

/// Returns whether a name indicates a graphics card.
pub(super) fn is_discrete(name: &str) -> bool {
    let words = words(name);
    [
        "dgpu", "nvidia", "geforce", "rtx", "radeon", "discrete", "card",
    ]
    .iter()
    .any(|word| words.contains(word))
}

/// Returns the rank of a system rail, the largest first: wall socket, total, system. `None`
/// for psys, which contains the processor's platform only.
pub(super) fn whole_rank(name: &str) -> Option<u8> {
    let words = words(name);
    match () {
        () if words.starts_with("psys") => None,
        () if words.starts_with("wall") => Some(0),
        () if words.starts_with("total") => Some(1),
        () => Some(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_usual_names_are_known() {
        for (name, expected) in [
            ("cpu_power", RailKind::Cpu),
            ("CPU Power", RailKind::Cpu),
            ("E-Cluster Power", RailKind::Cpu),
            ("PCPU", RailKind::Cpu),
            ("power/energy-cores/", RailKind::Cpu),
            ("power/energy-pkg/", RailKind::Package),
            ("energy-ram", RailKind::Dram),
            ("gpu-1", RailKind::Gpu),
            ("combined_power", RailKind::Package),
            ("PkgWatt", RailKind::Package),
            ("CorWatt", RailKind::Cpu),
            ("GFXWatt", RailKind::Gpu),
            ("RAMWatt", RailKind::Dram),
            ("intel-rapl:1", RailKind::Package),
            ("intel-rapl:1:0", RailKind::Cpu),
            ("wall", RailKind::System),
            ("fan", RailKind::Other),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn numbers_and_levels_are_read_from_names() {
        assert_eq!((package("package-12"), package("pkg")), (Some(12), None));
        assert_eq!(die("package-1-die-0"), Some((1, 0)));
        assert_eq!(die("package-1"), None);
        let levels = ["cpu_power", "cores", "p-cluster", "core-3", "cpu0"].map(cpu_level);
        assert_eq!(levels, [0, 1, 2, 3, 3]);
        assert!(is_integrated("iGPU") && is_discrete("NVIDIA RTX 4090"));
        assert!(!is_integrated("gpu") && !is_discrete("gpu"));
    }
}
