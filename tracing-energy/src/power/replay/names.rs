//! Rails of tables, which give no more than a name.

use crate::power::Rail;
use crate::power::containment::names;

/// Returns the rails named `names`. Which contains which is settled once their energies
/// are known.
pub(super) fn rails(names: &[String], unit: &'static str) -> Vec<Rail> {
    let rail = |name: &String| Rail {
        name: name.clone(),
        kind: names::kind(name),
        parent: None,
        unit,
    };
    names.iter().map(rail).collect()
}
