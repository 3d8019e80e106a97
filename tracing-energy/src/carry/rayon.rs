//! Functions of rayon that carry the current span to the threads of the pool.

use super::{CarriedSpan, in_current_span};

/// Calls [`rayon::spawn`](::rayon::spawn) with work in the current span.
pub fn spawn(work: impl FnOnce() + Send + 'static) {
    ::rayon::spawn(in_current_span(work));
}

/// Calls [`rayon::join`](::rayon::join) with both pieces of work in the current span.
pub fn join<A: Send, B: Send>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    let here = CarriedSpan::current();
    ::rayon::join(|| here.run(one), || here.run(other))
}

/// Calls [`rayon::scope`](::rayon::scope); what is spawned in it works in the current span.
pub fn scope<'scope, R: Send>(
    work: impl for<'s> FnOnce(&CarryingScope<'s, 'scope>) -> R + Send,
) -> R {
    let here = CarriedSpan::current();
    ::rayon::scope(|scope| here.clone().run(|| work(&CarryingScope { scope, here })))
}

/// A scope that carries a span: see [`scope`].
pub struct CarryingScope<'s, 'scope> {
    scope: &'s ::rayon::Scope<'scope>,
    here: CarriedSpan,
}

impl<'scope> CarryingScope<'_, 'scope> {
    /// Calls [`rayon::Scope::spawn`](::rayon::Scope::spawn) with work in the span.
    pub fn spawn(&self, work: impl for<'s> FnOnce(&CarryingScope<'s, 'scope>) + Send + 'scope) {
        let here = self.here.clone();
        self.scope
            .spawn(move |scope| here.clone().run(|| work(&CarryingScope { scope, here })));
    }
}
