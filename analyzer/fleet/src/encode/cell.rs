//! A value of a row.

use crate::columns::FleetTable;

/// A value of a row, which it owns.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    /// Unknown.
    #[default]
    Null,
    /// An integer.
    Whole(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// True or false.
    Flag(bool),
}

impl Cell {
    /// Returns the integer; `None` for other values.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the floating-point number; `None` for other values.
    pub fn real(&self) -> Option<f64> {
        match self {
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the text; `None` for other values.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(value) => Some(value),
            _ => None,
        }
    }

    /// Returns whether it is true.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Flag(true))
    }
}

impl FleetTable {
    /// Returns the value of a row in a column.
    pub fn cell<'r>(&self, row: &'r [Cell], column: &str) -> Option<&'r Cell> {
        row.get(self.position(column)?)
    }

    /// Returns the text of a row in a column.
    pub fn text<'r>(&self, row: &'r [Cell], column: &str) -> Option<&'r str> {
        self.cell(row, column)?.text()
    }

    /// Returns the integer of a row in a column.
    pub fn whole(&self, row: &[Cell], column: &str) -> Option<i64> {
        self.cell(row, column)?.whole()
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl<V> From<Option<V>> for Cell
where
    Self: From<V>,
{
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

impl From<&Option<String>> for Cell {
    fn from(value: &Option<String>) -> Self {
        value.as_ref().into()
    }
}
