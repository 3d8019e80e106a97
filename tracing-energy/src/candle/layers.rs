//! The `tracing` layer that adds spans of a model's layers.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::span::{Attributes, EnteredSpan, Id};
use tracing::{Subscriber, debug_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::loading::{Loading, ModelSpan};
use super::part::Part;
use super::position::{Position, Step};

/// Targets of the models' spans, and of their copies in other programs, begin with it.
const TARGET: &str = "candle_transformers";

/// Adds a span `layer{layer}`, at the level DEBUG, around the spans of each layer of a model of
/// `candle-transformers`. The [module](super) has an example.
///
/// Must be added to the subscriber before the [`EnergyLayer`](crate::EnergyLayer), and the
/// subscriber must be there before the model is loaded. Models that are loaded one after the
/// other without a span of a pass need a span for each (`model_loading`), which separates them.
///
/// The number of a layer is the order in which the model created it. A layer begins with a span
/// around it if the model has one (`block`, `layer`), or else with the norm before its
/// attention, or with its attention (`attn`).
/// Models without any of these spans get no layers, nor do those in which only some layers have
/// attention and no span is around each layer.
#[derive(Debug)]
pub struct CandleLayers {
    /// Distinguishes the states of several layers on one thread.
    number: u64,
    target: String,
    loading: Mutex<Loading>,
}

impl Default for CandleLayers {
    fn default() -> Self {
        Self::new()
    }
}

impl CandleLayers {
    /// Creates a layer for the spans of `candle-transformers`.
    pub fn new() -> Self {
        Self::for_target(TARGET)
    }

    /// Creates a layer for spans whose target begins with `target`: those of a model's copy in
    /// another crate.
    pub fn for_target(target: impl Into<String>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            target: target.into(),
            loading: Mutex::default(),
        }
    }
}

/// State of one [`CandleLayers`] on a thread.
#[derive(Debug)]
struct Place {
    number: u64,
    position: Position,
    layer: Option<EnteredSpan>,
    /// Whether the layer's span is changing, whose own callbacks do not count.
    is_changing: bool,
}

thread_local! {
    static PLACES: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

impl CandleLayers {
    /// Calls `with` with the state on this thread; `None` while the thread ends.
    fn place<T>(&self, with: impl FnOnce(&mut Place) -> T) -> Option<T> {
        let of_this = |places: &RefCell<Vec<Place>>| {
            let mut places = places.try_borrow_mut().ok()?;
            let known = places.iter().position(|place| place.number == self.number);
            let at = known.unwrap_or_else(|| {
                places.push(Place {
                    number: self.number,
                    position: Position::default(),
                    layer: None,
                    is_changing: false,
                });
                places.len() - 1
            });
            places.get_mut(at).map(with)
        };
        PLACES.try_with(of_this).ok().flatten()
    }

    /// Moves the thread's position, then ends and begins spans accordingly. These call this
    /// layer again, so the state is not borrowed.
    fn follow(&self, take: impl FnOnce(&mut Position) -> Step) {
        let step = self.place(|place| {
            if place.is_changing {
                return None;
            }
            let step = take(&mut place.position);
            place.is_changing = step != Step::Stay;
            place.is_changing.then(|| (step, place.layer.take()))
        });
        let Some(Some((step, ended))) = step else {
            return;
        };
        drop(ended);
        let layer = match step {
            Step::Begin(layer) => Some(debug_span!("layer", layer).entered()),
            Step::Stay | Step::End => None,
        };
        self.place(|place| {
            place.layer = layer;
            place.is_changing = false;
        });
    }
}

impl<S> Layer<S> for CandleLayers
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let metadata = attributes.metadata();
        if !metadata.target().starts_with(&self.target) {
            return;
        }
        let Some(span) = ctx.span(id) else { return };
        let parent = span.parent().map(|parent| parent.id().into_u64());
        let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let of_model = loading.add(Part::named(metadata.name()), parent);
        drop(loading);
        span.extensions_mut().replace(of_model);
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        let span = ctx.span(id);
        let of_model = span
            .as_ref()
            .and_then(|span| span.extensions().get::<ModelSpan>().cloned());
        drop(span);
        if let Some(of_model) = &of_model {
            of_model.model.mark_used();
        }
        self.follow(|position| position.enter(id.into_u64(), of_model.as_ref()));
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        self.follow(|position| position.exit(id.into_u64()));
    }
}
