//! Creates the rails of tables from their names.

use crate::containment::names;
use crate::rail::Rail;

/// Returns the rails named `names`. Containment is decided once their energies are known.
pub(super) fn rails(names: &[String], unit: &'static str) -> Vec<Rail> {
    let rail = |name: &String| Rail {
        name: name.clone(),
        kind: names::kind(name),
        parent: None,
        unit,
    };
    names.iter().map(rail).collect()
}
