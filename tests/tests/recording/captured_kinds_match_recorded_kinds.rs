//! The kinds of a capture equal the kinds of recordings of the same model.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use energy_attribution::Kinds;
use energy_models::capture::{CaptureOptions, NOT_KEPT, capture};
use energy_models::tiny::{self, TinyConfig};
use energy_models::{Depth, GenerateOptions, LoadOptions, Model, generate};
use energy_power::SourceChoice;
use tracing_energy::EnergyLayer;
use tracing_energy::MemorySink;
use tracing_subscriber::prelude::*;

fn model(depth: Depth) -> Model {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny::write_gguf(&path, &TinyConfig::default()).expect("a model");
    let options = LoadOptions {
        depth,
        ..LoadOptions::default()
    };
    Model::load(&path, &options).expect("loaded")
}

/// Kinds of a recorded generation that have no kinds below them.
fn recorded(model: &mut Model) -> BTreeSet<String> {
    let memory = MemorySink::new();
    let (layer, guard) = EnergyLayer::builder()
        .source(SourceChoice::Modelled)
        .baseline(Duration::ZERO)
        .sink(memory.clone())
        .build()
        .expect("a recording");
    let options = GenerateOptions {
        max_tokens: 3,
        raw: true,
        ..GenerateOptions::default()
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        generate(model, "hello the tea", &options, |_| {
            ControlFlow::Continue(())
        })
        .expect("generated");
    });
    guard.finish();
    let rows = memory.rows();
    let kinds = Kinds::of(&rows.nodes, &rows.callsites, |_| 0).kinds;
    let is_leaf = |id: u32| kinds.iter().all(|kind| kind.parent != Some(id));
    let numbered = (1..).zip(&kinds).filter(|(id, _)| is_leaf(*id));
    let names = numbered.map(|(_, kind)| kind.name.clone());
    names.filter(|name| name.starts_with("inference")).collect()
}

#[test]
fn captured_kinds_match_recorded_kinds() {
    for depth in [Depth::Module, Depth::Deep] {
        let mut model = model(depth);
        let cases = capture(&mut model, &CaptureOptions::default())
            .expect("captured")
            .cases;
        let kept = cases.into_iter().map(|case| case.kind);
        let known = kept.chain(NOT_KEPT.iter().map(|(kind, _)| (*kind).to_owned()));
        assert_eq!(
            known.collect::<BTreeSet<_>>(),
            recorded(&mut model),
            "at depth {depth}"
        );
    }
}
