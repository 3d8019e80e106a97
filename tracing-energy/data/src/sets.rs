//! Sets of bases and of provenances: those of the rails or parts of one energy. In text their
//! names are in alphabetical order and joined by `+`: `fitted+proportional`.

use std::fmt;
use std::str::FromStr;

use crate::rail::Provenance;
use crate::rows::Basis;

/// A text contains a name that is not known, or no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownNameError(String);

impl fmt::Display for UnknownNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown name `{}`", self.0)
    }
}

impl std::error::Error for UnknownNameError {}

/// Defines a set of the members of an enum, which are listed in alphabetical order.
macro_rules! set {
    ($(#[$doc:meta])* $set:ident of $member:ident: $($one:ident),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $set(u8);

        impl $set {
            /// All members, in the order of their names.
            const MEMBERS: &[$member] = &[$($member::$one),+];

            /// Returns the set of all members of `sets`, or `None` if there are none.
            pub fn union<S: Into<Self>>(sets: impl IntoIterator<Item = S>) -> Option<Self> {
                let joined = sets.into_iter().map(Into::into);
                joined.reduce(|one: Self, other: Self| Self(one.0 | other.0))
            }

            /// Returns whether `member` is in the set.
            pub fn contains(self, member: $member) -> bool {
                self.0 & Self::from(member).0 != 0
            }

            /// Returns the members, in the order of their names.
            pub fn iter(self) -> impl Iterator<Item = $member> {
                Self::MEMBERS.iter().copied().filter(move |one| self.contains(*one))
            }
        }

        impl From<$member> for $set {
            fn from(member: $member) -> Self {
                let at = Self::MEMBERS.iter().position(|one| *one == member);
                Self(at.map_or(0, |at| 1 << at))
            }
        }

        impl fmt::Display for $set {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (at, member) in self.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "+" })?;
                    f.write_str(member.name())?;
                }
                Ok(())
            }
        }

        impl FromStr for $set {
            type Err = UnknownNameError;

            fn from_str(text: &str) -> Result<Self, UnknownNameError> {
                let unknown = |name: &str| UnknownNameError(name.to_owned());
                let members = text
                    .split('+')
                    .map(|name| $member::from_name(name).ok_or_else(|| unknown(name)))
                    .collect::<Result<Vec<_>, _>>()?;
                Self::union(members).ok_or_else(|| unknown(text))
            }
        }

        /// As text.
        #[cfg(feature = "serde")]
        impl serde::Serialize for $set {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

set! {
    /// The bases of an energy; at least one.
    BasisSet of Basis:
    Calibrated, Fitted, Grouped, Measured, Modelled, Proportional, Replayed
}

set! {
    /// The provenances of an energy; at least one.
    ProvenanceSet of Provenance: Measured, Modelled, Replayed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_every_member_once_in_alphabetical_order() {
        let set: BasisSet = "proportional+fitted+proportional".parse().expect("a set");
        assert_eq!(set.to_string(), "fitted+proportional");
        let all = BasisSet::union(BasisSet::MEMBERS.iter().copied()).expect("a set");
        assert_eq!(all.to_string().parse(), Ok(all));
        let names: Vec<&str> = all.iter().map(Basis::name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let names: Vec<&str> = ProvenanceSet::MEMBERS
            .iter()
            .map(|one| one.name())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!("guess".parse::<BasisSet>().is_err());
        assert!("fitted+".parse::<BasisSet>().is_err());
        assert!("".parse::<ProvenanceSet>().is_err());
    }

    #[test]
    fn union_is_nothing_without_sets() {
        assert_eq!(BasisSet::union(std::iter::empty::<Basis>()), None);
        let union = BasisSet::union([Basis::Grouped, Basis::Fitted]).expect("a set");
        assert!(union.contains(Basis::Fitted) && !union.contains(Basis::Measured));
    }

    /// A member that is missing in the list would be lost.
    #[test]
    fn every_member_is_in_its_set() {
        for basis in Basis::ALL {
            assert!(BasisSet::from(basis).contains(basis), "{basis:?}");
        }
        for name in ["measured", "modelled", "replayed"] {
            let member = Provenance::from_name(name).expect("a provenance");
            assert_eq!(ProvenanceSet::from(member).to_string(), name);
        }
    }
}
