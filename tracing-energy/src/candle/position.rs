//! The position of a thread in a model.
//!
//! ```text
//! spans of the model   |model                                                       |
//!                       |norm||attn     |   |mlp     |  |norm||attn   |   |norm||output|
//! added                 |layer 0                     |  |layer 1         |
//! ```
//!
//! A layer ends where the next one begins, where a span begins that belongs to no layer, or
//! where the span around it ends. So sums of residuals belong to layers, which have no spans of
//! their own.

use std::sync::Arc;

use super::loading::{LoadedModel, ModelSpan};
use super::part::Part;

/// What happens to the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Stay,
    /// It ends, if there is one.
    End,
    /// The layer with this index begins; the one before ends.
    Begin(usize),
}

/// A layer that has begun.
#[derive(Debug)]
struct OpenLayer {
    index: usize,
    /// Number of spans around it.
    height: usize,
    has_attention: bool,
    has_mlp: bool,
}

/// Position of a thread: its spans, and the layer.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// Entered spans, outermost first, except added ones.
    stack: Vec<u64>,
    /// Number of spans around the outermost attention, MLP or layer.
    container: Option<usize>,
    open: Option<OpenLayer>,
    /// The model whose last layer has ended in this pass.
    done: Option<Arc<LoadedModel>>,
}

impl Position {
    /// Enters a span, which may be one of a model.
    pub(super) fn enter(&mut self, id: u64, span: Option<&ModelSpan>) -> Step {
        let step = span.map_or(Step::Stay, |span| self.step(span));
        let height = self.stack.len();
        match step {
            Step::Stay => {}
            Step::End => self.open = None,
            Step::Begin(index) => {
                self.open = Some(OpenLayer {
                    index,
                    height,
                    has_attention: span.is_some_and(|span| span.part == Part::Attention),
                    has_mlp: false,
                });
            }
        }
        if self.container.is_none() && span.is_some_and(|span| span.part.is_container()) {
            self.container = Some(height);
        }
        self.stack.push(id);
        step
    }

    /// Exits a span.
    pub(super) fn exit(&mut self, id: u64) -> Step {
        let Some(height) = self.stack.iter().rposition(|known| *known == id) else {
            return Step::Stay;
        };
        self.stack.truncate(height);
        if self.container.is_some_and(|container| height <= container) {
            self.container = None;
        }
        match self.open.take_if(|open| height < open.height) {
            Some(_) => Step::End,
            None => Step::Stay,
        }
    }

    fn step(&mut self, span: &ModelSpan) -> Step {
        if self.container.is_some() {
            return Step::Stay;
        }
        let has_layers = span.model.has_layers();
        match span.part {
            Part::Model => {
                self.done = None;
                Step::End
            }
            Part::Layer => Step::Begin(span.ordinal),
            Part::Attention | Part::Mlp if has_layers => Step::Stay,
            _ if has_layers => Step::End,
            Part::Attention if span.model.attentions() == 0 => Step::Stay,
            Part::Attention => self.attention(span.ordinal),
            Part::Mlp => {
                if let Some(open) = &mut self.open {
                    open.has_mlp = true;
                }
                Step::Stay
            }
            Part::Norm => self.norm(&span.model),
            Part::Output => {
                self.done = Some(Arc::clone(&span.model));
                Step::End
            }
            Part::Other => Step::Stay,
        }
    }

    fn attention(&mut self, ordinal: usize) -> Step {
        match &mut self.open {
            Some(open) if open.index == ordinal && !open.has_attention => {
                open.has_attention = true;
                Step::Stay
            }
            _ => Step::Begin(ordinal),
        }
    }

    /// A norm behind a complete layer belongs to the next one, or is the last of the model.
    fn norm(&mut self, model: &Arc<LoadedModel>) -> Step {
        let is_done = self
            .done
            .as_ref()
            .is_some_and(|done| Arc::ptr_eq(done, model));
        match &self.open {
            Some(open) if open.has_attention && open.has_mlp => {
                let next = open.index + 1;
                if next < model.attentions() {
                    return Step::Begin(next);
                }
                self.done = Some(Arc::clone(model));
                Step::End
            }
            Some(_) => Step::Stay,
            None if model.has_pass() && model.attentions() > 0 && !is_done => Step::Begin(0),
            None => Step::Stay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::loading::Loading;
    use super::*;

    /// Creates the spans of a model by their names.
    fn spans<const N: usize>(names: [&str; N]) -> [ModelSpan; N] {
        let mut loading = Loading::default();
        names.map(|name| loading.add(Part::named(name), None))
    }

    /// Enters spans one inside of the other, then exits all; returns the steps of the enters.
    fn through(position: &mut Position, spans: &[&ModelSpan]) -> Vec<Step> {
        let entered = (100..).zip(spans);
        let steps = entered.map(|(id, span)| position.enter(id, Some(span)));
        let steps = steps.collect();
        for id in (100..100 + spans.len() as u64).rev() {
            assert_eq!(position.exit(id), Step::Stay);
        }
        steps
    }

    #[test]
    fn layers_of_a_model_without_spans_of_layers_begin_with_their_norms() {
        let [norm, a0, m0, a1, m1, output, model] =
            spans(["rms-norm", "attn", "mlp", "attn", "mlp", "output", "model"]);
        let mut position = Position::default();
        for _ in 0..2 {
            position.enter(1, None);
            assert_eq!(position.enter(2, Some(&model)), Step::End);
            let mut steps = |spans: &[&ModelSpan]| through(&mut position, spans);
            assert_eq!(steps(&[&norm]), [Step::Begin(0)]);
            assert_eq!(steps(&[&a0, &norm]), [Step::Stay; 2]);
            assert_eq!(steps(&[&m0, &norm]), [Step::Stay; 2]);
            assert_eq!(steps(&[&norm]), [Step::Begin(1)]);
            assert_eq!(steps(&[&a1]), [Step::Stay]);
            assert_eq!(steps(&[&norm]), [Step::Stay]);
            assert_eq!(steps(&[&m1]), [Step::Stay]);
            assert_eq!(steps(&[&norm]), [Step::End]);
            assert_eq!(steps(&[&norm]), [Step::Stay]);
            assert_eq!(steps(&[&output]), [Step::End]);
            assert_eq!(position.exit(2), Step::Stay);
            position.exit(1);
        }
    }

    #[test]
    fn a_pass_that_fails_ends_its_layer() {
        let [norm, attention, _, model] = spans(["rms-norm", "attn", "attn", "model"]);
        let mut position = Position::default();
        position.enter(1, Some(&model));
        assert_eq!(through(&mut position, &[&norm]), [Step::Begin(0)]);
        assert_eq!(through(&mut position, &[&attention]), [Step::Stay]);
        assert_eq!(position.exit(1), Step::End);
        position.enter(1, Some(&model));
        assert_eq!(through(&mut position, &[&norm]), [Step::Begin(0)]);
    }

    #[test]
    fn spans_of_layers_count_if_there_are_any() {
        let [b0, attention, mlp, b1, norm] = spans(["block", "attn", "mlp", "block", "rms-norm"]);
        let mut position = Position::default();
        for _ in 0..2 {
            for (index, block) in [(0, &b0), (1, &b1)] {
                assert_eq!(position.enter(1, Some(block)), Step::Begin(index));
                for spans in [[&norm], [&attention], [&mlp]] {
                    assert_eq!(through(&mut position, &spans), [Step::Stay]);
                }
                assert_eq!(position.exit(1), Step::Stay);
            }
            assert_eq!(through(&mut position, &[&norm]), [Step::End]);
        }
    }

    #[test]
    fn without_a_span_of_the_mlp_a_layer_begins_with_its_attention() {
        let [a0, product, a1, output, model] =
            spans(["attn", "qmatmul", "attn", "output", "model"]);
        let mut position = Position::default();
        position.enter(1, Some(&model));
        let mut steps = |spans: &[&ModelSpan]| through(&mut position, spans);
        assert_eq!(steps(&[&a0]), [Step::Begin(0)]);
        assert_eq!(steps(&[&product]), [Step::Stay]);
        assert_eq!(steps(&[&a1]), [Step::Begin(1)]);
        assert_eq!(steps(&[&product]), [Step::Stay]);
        assert_eq!(steps(&[&output]), [Step::End]);
    }
}
