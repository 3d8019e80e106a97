//! Abbreviated bases of energies for narrow table columns.

use energy_data::{BasisSet, rows::Basis};

/// Returns the first letters of bases: `f+p` for `fitted+proportional`. Empty without a basis.
pub fn letters(basis: Option<BasisSet>) -> String {
    let letters = |set: BasisSet| set.iter().map(letter).collect::<Vec<_>>().join("+");
    basis.map(letters).unwrap_or_default()
}

fn letter(basis: Basis) -> &'static str {
    basis.name().get(..1).unwrap_or_default()
}

/// Returns the legend of the letters in a column, or the bases of all rows if there is no
/// such column. `None` if no basis is known.
pub fn legend(bases: impl Iterator<Item = Option<BasisSet>>, column: bool) -> Option<String> {
    let all = BasisSet::union(bases.flatten())?;
    let meanings = all
        .iter()
        .map(|one| format!("{}: {}", letter(one), one.name()));
    Some(match column {
        true => format!("basis {}", meanings.collect::<Vec<_>>().join(", ")),
        false => format!("basis: {all}"),
    })
}

/// Returns whether rows have different bases. Rows without energy have none.
pub fn differ(bases: impl Iterator<Item = Option<BasisSet>>) -> bool {
    let mut known = bases.flatten();
    let first = known.next();
    known.any(|basis| Some(basis) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legend_explains_letters_or_spells_the_only_basis() {
        let set = |text: &str| text.parse::<BasisSet>().ok();
        let bases = || [set("fitted"), None, set("fitted+grouped")].into_iter();
        assert!(differ(bases()));
        assert_eq!(letters(set("fitted+grouped")), "f+g");
        assert_eq!(letters(None), "");
        let text = legend(bases(), true);
        assert_eq!(text.as_deref(), Some("basis f: fitted, g: grouped"));
        let one = || bases().take(2);
        assert!(!differ(one()));
        assert_eq!(legend(one(), false).as_deref(), Some("basis: fitted"));
        assert_eq!(legend([None].into_iter(), true), None);
    }
}
