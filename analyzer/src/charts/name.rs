//! Cleans and interns recorded names: short, one line, each stored once.

use std::collections::HashMap;

use crate::format::{escape, shorten};

/// Maximum length of a name in characters.
const MAX_LENGTH: usize = 80;

/// Returns a name without control characters, shortened; recorded ones may have a megabyte.
pub fn name(text: &str) -> String {
    match escape(&shorten(text.trim(), MAX_LENGTH)) {
        empty if empty.is_empty() => "(unnamed)".to_owned(),
        name => name,
    }
}

/// Interned names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NameTable {
    list: Vec<String>,
    places: HashMap<String, usize>,
}

impl NameTable {
    /// Returns the index of a recorded name. Names that are equal after shortening have the
    /// same index.
    pub fn number(&mut self, text: &str) -> usize {
        // Most names need no cleaning and are known.
        if let Some(at) = self.places.get(text) {
            return *at;
        }
        let name = name(text);
        let next = self.list.len();
        let at = *self.places.entry(name.clone()).or_insert(next);
        if at == next {
            self.list.push(name);
        }
        at
    }

    /// Returns whether a name has an index.
    pub fn contains(&self, text: &str) -> bool {
        self.places.contains_key(text) || self.places.contains_key(&name(text))
    }

    /// Returns the number of names.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the name with this index; empty if there is none.
    pub fn get(&self, at: usize) -> &str {
        self.list.get(at).map_or("", String::as_str)
    }

    /// Returns all names by index.
    pub fn into_list(self) -> Vec<String> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_cleaned_and_stored_once() {
        let mut names = NameTable::default();
        let long = "x".repeat(1 << 20);
        let numbers = ["a", "b\u{202e}", "a", long.as_str(), long.as_str(), " "];
        let numbers = numbers.map(|text| names.number(text));
        assert_eq!(numbers, [0, 1, 0, 2, 2, 3]);
        assert_eq!(names.get(1), "b\\u{202e}");
        assert_eq!(names.get(2).chars().count(), MAX_LENGTH);
        assert_eq!(names.into_list()[3], "(unnamed)");
    }
}
