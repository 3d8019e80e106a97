//! Decides whether an AMD graphics driver meters a card or a processor with graphics (APU).
//!
//! On an APU its power is that of the whole processor, including CPU cores
//! (`Documentation/gpu/amdgpu/thermal.rst`). The driver's files differ:
//!
//! | file | card | APU |
//! |---|---|---|
//! | `in1_label` = `vddnb` | - | present |
//! | `power1_label` = `slowPPT`, `fastPPT` | - | on some |
//! | `device/mem_info_vram_total` | 1 GB and more | memory reserved by the firmware |
//! | `freq2_label` = `mclk` | present | - |
//! | `power1_cap` | present | - on most |

use std::path::Path;

use crate::containment::Placement;
use crate::sysfs::text;

/// Smallest video memory of a card, bytes.
const LEAST_VRAM: u64 = 768 << 20;

pub(super) fn placement(device: &Path) -> Placement {
    let label = |file: &str| text(&device.join(file)).unwrap_or_default();
    let has = |file: &str| device.join(file).exists();
    let power = label("power1_label").to_lowercase();
    let vram = text(&device.join("device/mem_info_vram_total"));
    let vram: Option<u64> = vram.and_then(|bytes| bytes.parse().ok());
    let is_apu = label("in1_label") == "vddnb"
        || power == "slowppt"
        || power == "fastppt"
        || vram.is_some_and(|bytes| bytes < LEAST_VRAM);
    let is_card = label("freq2_label") == "mclk" || has("power1_cap");
    match (is_apu, is_card) {
        (true, _) => Placement::WholeProcessor,
        (false, true) => Placement::Discrete,
        (false, false) => Placement::MaybeWholeProcessor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Placement {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        placement(root.path())
    }

    #[test]
    fn apus_and_cards_are_distinguished_by_the_drivers_files() {
        let apu = Placement::WholeProcessor;
        assert_eq!(of(&[("in0_label", "vddgfx"), ("in1_label", "vddnb")]), apu);
        assert_eq!(of(&[("device/mem_info_vram_total", "536870912")]), apu);
        assert_eq!(
            of(&[("power1_label", "slowPPT"), ("power1_cap", "15000000")]),
            apu
        );
        let card = [
            ("freq2_label", "mclk"),
            ("device/mem_info_vram_total", "8589934592"),
        ];
        assert_eq!(of(&card), Placement::Discrete);
        assert_eq!(of(&[("power1_cap", "300000000")]), Placement::Discrete);
        let unsure = [
            ("power1_label", "PPT"),
            ("device/mem_info_vram_total", "4294967296"),
        ];
        assert_eq!(of(&unsure), Placement::MaybeWholeProcessor);
    }
}
