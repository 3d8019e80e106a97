//! Spans of a model while it is loaded: their model, and the number of their layer.
//!
//! Models create the spans of their layers in order, and the span of a whole pass, if there is
//! one, at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::part::Part;

/// Spans that one model created.
#[derive(Debug, Default)]
pub(super) struct LoadedModel {
    layers: AtomicUsize,
    attentions: AtomicUsize,
    mlps: AtomicUsize,
    has_pass: AtomicBool,
    is_used: AtomicBool,
}

impl LoadedModel {
    /// Whether the model has spans around its layers.
    pub(super) fn has_layers(&self) -> bool {
        self.layers.load(Ordering::Relaxed) > 0
    }

    /// Returns the number of layers that have attention: 0 if other layers have none, which
    /// would make the numbers wrong.
    pub(super) fn attentions(&self) -> usize {
        let attentions = self.attentions.load(Ordering::Relaxed);
        let mlps = self.mlps.load(Ordering::Relaxed);
        match mlps == 0 || mlps == attentions {
            true => attentions,
            false => 0,
        }
    }

    /// Whether the model has a span around a whole pass.
    pub(super) fn has_pass(&self) -> bool {
        self.has_pass.load(Ordering::Relaxed)
    }

    /// Remembers that the model runs: it creates no more spans.
    pub(super) fn mark_used(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }
}

/// A span of a model.
#[derive(Debug, Clone)]
pub(super) struct ModelSpan {
    /// What it surrounds.
    pub(super) part: Part,
    /// How many spans of this part the model created before it.
    pub(super) ordinal: usize,
    /// The model.
    pub(super) model: Arc<LoadedModel>,
}

/// The model that is being loaded.
#[derive(Debug, Default)]
pub(super) struct Loading {
    model: Arc<LoadedModel>,
    /// Span in which the model's spans are created.
    parent: Option<u64>,
}

impl Loading {
    /// Adds a span that was created inside of `parent`. A span begins another model if it has
    /// another parent than the span before, or if the model runs already.
    pub(super) fn add(&mut self, part: Part, parent: Option<u64>) -> ModelSpan {
        if parent != self.parent || self.model.is_used.load(Ordering::Relaxed) {
            self.model = Arc::default();
            self.parent = parent;
        }
        let model = Arc::clone(&self.model);
        let ordinal = match part {
            Part::Layer => model.layers.fetch_add(1, Ordering::Relaxed),
            Part::Attention => model.attentions.fetch_add(1, Ordering::Relaxed),
            Part::Mlp => model.mlps.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        if part == Part::Model {
            model.has_pass.store(true, Ordering::Relaxed);
            // The last span of a model.
            self.model = Arc::default();
        }
        ModelSpan {
            part,
            ordinal,
            model,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_separate() {
        let mut loading = Loading::default();
        let ordinal = |loading: &mut Loading, parent| loading.add(Part::Attention, parent).ordinal;
        assert_eq!([(); 3].map(|()| ordinal(&mut loading, None)), [0, 1, 2]);
        let pass = loading.add(Part::Model, None);
        assert_eq!(pass.model.attentions(), 3);
        assert!(pass.model.has_pass() && !pass.model.has_layers());
        // Another model without a span of a pass, then one loaded in another span.
        assert_eq!([(); 2].map(|()| ordinal(&mut loading, None)), [0, 1]);
        assert_eq!(ordinal(&mut loading, Some(7)), 0);
        let last = loading.add(Part::Layer, Some(7));
        assert!(last.model.has_layers());
        last.model.mark_used();
        assert_eq!(ordinal(&mut loading, Some(7)), 0);
        // Layers without attention have an MLP.
        let [first, last] = [Part::Mlp, Part::Mlp].map(|part| loading.add(part, Some(7)));
        assert_eq!((first.ordinal, last.ordinal), (0, 1));
        assert_eq!(last.model.attentions(), 0);
    }
}
