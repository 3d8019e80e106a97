//! How figures were found, in a column that has no room for words.

use super::escape;
use crate::query::join_bases;

/// First letters of a basis: `f+p` for `fitted+proportional`.
pub fn letters(basis: Option<&str>) -> String {
    let first = |part: &str| part.chars().take(1).collect::<String>();
    let parts: Vec<String> = basis.unwrap_or_default().split('+').map(first).collect();
    escape(&parts.join("+"))
}

/// What the letters of a column stand for, or the one basis of all rows where there
/// is no such column. Nothing where no basis is known.
pub fn legend<'b>(bases: impl Iterator<Item = Option<&'b str>>, column: bool) -> Option<String> {
    let joined = join_bases(bases.flatten())?;
    let meanings = joined
        .split('+')
        .map(|one| format!("{}: {}", letters(Some(one)), escape(one)));
    Some(match column {
        true => format!("by {}", meanings.collect::<Vec<_>>().join(", ")),
        false => format!("basis: {}", escape(&joined)),
    })
}

/// Whether rows need a column that says their basis. Rows that hold nothing have none.
pub fn differ<'b>(bases: impl Iterator<Item = Option<&'b str>>) -> bool {
    let mut known = bases.flatten();
    let first = known.next();
    known.any(|basis| Some(basis) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_explained_and_one_basis_is_spelled() {
        let bases = || [Some("fitted"), None, Some("fitted+grouped")].into_iter();
        assert!(differ(bases()));
        assert_eq!(letters(Some("fitted+grouped")), "f+g");
        assert_eq!(letters(None), "");
        let told = legend(bases(), true);
        assert_eq!(told.as_deref(), Some("by f: fitted, g: grouped"));
        let one = || bases().take(2);
        assert!(!differ(one()));
        assert_eq!(legend(one(), false).as_deref(), Some("basis: fitted"));
        assert_eq!(legend([None].into_iter(), true), None);
    }
}
