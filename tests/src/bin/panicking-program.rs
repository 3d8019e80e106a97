//! A program that records itself and panics: `panicking-program DATABASE`. Twice
//! the panic is caught, then one ends the program.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use energy_power::SourceChoice;
use energy_tests::burn;
use tracing::info_span;
use tracing_energy::EnergyLayer;
use tracing_subscriber::prelude::*;

fn main() {
    let database = std::env::args_os().nth(1).expect("the database's path");
    let (layer, _guard) = EnergyLayer::builder()
        .database(database)
        .source(SourceChoice::Modelled)
        .build()
        .expect("a recording");
    tracing_subscriber::registry().with(layer).init();
    let _outer = info_span!("outer").entered();
    let caught = catch_unwind(AssertUnwindSafe(|| fail("caught")));
    assert!(caught.is_err());
    let joined = std::thread::spawn(|| fail("in a thread")).join();
    assert!(joined.is_err());
    let formatted = catch_unwind(AssertUnwindSafe(|| {
        info_span!("with a field", value = ?Unprintable);
    }));
    assert!(formatted.is_err());
    info_span!("concurrent").in_scope(|| burn(Duration::from_millis(50)));
    fail("at the end");
}

/// Panics two spans deep.
fn fail(name: &'static str) {
    let _failing = info_span!("failing", name).entered();
    let _inner = info_span!("inner").entered();
    burn(Duration::from_millis(50));
    panic!("{name}, as it should");
}

/// A value whose formatting panics.
struct Unprintable;

impl std::fmt::Debug for Unprintable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("not printable, as it should");
    }
}
