//! Kinds and accounts of any imported run sum to the measured energy.

use std::path::Path;

use crate::fixture::conserved::conserved;
use energy_analyzer::import::{ImportOptions, import};
use proptest::prelude::*;

const MS: i64 = 1_000_000;

/// Parent (by its place, or none), thread, kind, start and length in ms, domain.
type Span = (Option<prop::sample::Index>, u8, u8, i64, i64, u8);

fn any_span() -> impl Strategy<Value = Span> {
    (
        prop::option::of(any::<prop::sample::Index>()),
        0..3_u8,
        0..5_u8,
        -500..2500_i64,
        0..700_i64,
        0..3_u8,
    )
}

/// Parents precede their children, so there are no cycles; they may start later.
fn write_spans(path: &Path, spans: &[Span]) {
    let mut text = "span_id,parent_id,thread,kind,start_ns,end_ns,rail\n".to_owned();
    for (at, (parent, thread, kind, start, length, domain)) in spans.iter().enumerate() {
        let parent = parent
            .filter(|_| at > 0)
            .map_or(0, |parent| parent.index(at) + 1);
        let (start_ns, end_ns) = (start * MS, (start + length) * MS);
        let rail = ["cpu", "gpu", "ane"][*domain as usize];
        let id = at + 1;
        text += &format!("{id},{parent},{thread},k{kind},{start_ns},{end_ns},{rail}\n");
    }
    std::fs::write(path, text).unwrap();
}

/// Returns the sum in joules.
fn write_samples(path: &Path, energies: &[f64]) -> f64 {
    let mut text = "t_start_ns,t_end_ns,rail,energy_mj\n".to_owned();
    let mut sum = 0.0;
    for (at, energy) in (0_i64..).zip(energies) {
        let rail = ["cpu", "gpu", "dram"][at as usize % 3];
        let start = at / 3 * 150 - 700;
        text += &format!("{},{},{rail},{energy}\n", start * MS, (start + 150) * MS);
        sum += energy / 1e3;
    }
    std::fs::write(path, text).unwrap();
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn kinds_and_accounts_sum_to_the_measured_energy(
        spans in prop::collection::vec(any_span(), 1..40),
        energies in prop::collection::vec(0.0..5000.0_f64, 1..70),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        write_spans(&file("spans.csv"), &spans);
        let measured_j = write_samples(&file("samples.csv"), &energies);
        let options = ImportOptions {
            spans: file("spans.csv"),
            samples: file("samples.csv"),
            name: None,
            kernels: Vec::new(),
        };
        let imported = import(&file("a.db"), &options).unwrap();
        prop_assert_eq!(imported.spans, spans.len());
        let sums = conserved(&folder.path().join("a.db"), &imported.uuid, measured_j);
        prop_assert!(sums.is_ok(), "{sums:?}");
    }
}
