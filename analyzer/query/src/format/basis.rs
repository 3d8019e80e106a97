//! Joined and abbreviated bases of energies for narrow table columns.

use std::collections::BTreeSet;

use super::escape;

/// Returns the distinct bases joined by `+`, or `None` if there are none.
pub fn join_bases<'b>(bases: impl IntoIterator<Item = &'b str>) -> Option<String> {
    let parts = bases.into_iter().flat_map(|basis| basis.split('+'));
    let known: BTreeSet<&str> = parts.filter(|part| !part.is_empty()).collect();
    let joined: Vec<&str> = known.into_iter().collect();
    (!joined.is_empty()).then(|| joined.join("+"))
}

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

    #[test]
    fn bases_are_joined_once() {
        let joined = join_bases(["grouped", "fitted", "fitted+grouped", ""]);
        assert_eq!(joined.as_deref(), Some("fitted+grouped"));
        assert_eq!(join_bases([]), None);
    }
}
