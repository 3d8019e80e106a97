//! Abbreviated bases of energies for narrow table columns.

use super::escape;
use crate::query::join_bases;

/// Returns the first letters of a basis: `f+p` for `fitted+proportional`.
pub fn letters(basis: Option<&str>) -> String {
    let first = |part: &str| part.chars().take(1).collect::<String>();
    let parts: Vec<String> = basis.unwrap_or_default().split('+').map(first).collect();
    escape(&parts.join("+"))
}

/// Returns the legend of the letters in a column, or the bases of all rows if there is no
/// such column. `None` if no basis is known.
pub fn legend<'b>(bases: impl Iterator<Item = Option<&'b str>>, column: bool) -> Option<String> {
    let joined = join_bases(bases.flatten())?;
    let meanings = joined
        .split('+')
        .map(|one| format!("{}: {}", letters(Some(one)), escape(one)));
    Some(match column {
        true => format!("basis {}", meanings.collect::<Vec<_>>().join(", ")),
        false => format!("basis: {}", escape(&joined)),
    })
}

/// Returns whether rows have different bases. Rows without energy have none.
pub fn differ<'b>(bases: impl Iterator<Item = Option<&'b str>>) -> bool {
    let mut known = bases.flatten();
    let first = known.next();
    known.any(|basis| Some(basis) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legend_explains_letters_or_spells_the_only_basis() {
        let bases = || [Some("fitted"), None, Some("fitted+grouped")].into_iter();
        assert!(differ(bases()));
        assert_eq!(letters(Some("fitted+grouped")), "f+g");
        assert_eq!(letters(None), "");
        let text = legend(bases(), true);
        assert_eq!(text.as_deref(), Some("basis f: fitted, g: grouped"));
        let one = || bases().take(2);
        assert!(!differ(one()));
        assert_eq!(legend(one(), false).as_deref(), Some("basis: fitted"));
        assert_eq!(legend([None].into_iter(), true), None);
    }
}
