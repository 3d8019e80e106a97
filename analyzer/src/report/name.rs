//! Names that come from a recording, made fit for a page: short, one line, each once.

use std::collections::HashMap;

use crate::format::{escape, shorten};

/// Characters of a name.
const LONGEST: usize = 80;

/// A name without control characters, cut; it may have had a megabyte.
pub(super) fn name(text: &str) -> String {
    match escape(&shorten(text.trim(), LONGEST)) {
        empty if empty.is_empty() => "(unnamed)".to_owned(),
        name => name,
    }
}

/// Names, each once, by their number.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Names {
    list: Vec<String>,
    places: HashMap<String, usize>,
}

impl Names {
    /// The number of a name as it was recorded. Two that are cut to one are one.
    pub(super) fn number(&mut self, text: &str) -> usize {
        // Most are fit as they are, and known.
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

    /// Whether a name has a number.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.places.contains_key(text) || self.places.contains_key(&name(text))
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, at: usize) -> &str {
        self.list.get(at).map_or("", String::as_str)
    }

    pub(super) fn into_list(self) -> Vec<String> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_cleaned_and_kept_once() {
        let mut names = Names::default();
        let long = "x".repeat(1 << 20);
        let numbers = ["a", "b\u{202e}", "a", long.as_str(), long.as_str(), " "];
        let numbers = numbers.map(|text| names.number(text));
        assert_eq!(numbers, [0, 1, 0, 2, 2, 3]);
        assert_eq!(names.get(1), "b\\u{202e}");
        assert_eq!(names.get(2).chars().count(), LONGEST);
        assert_eq!(names.into_list()[3], "(unnamed)");
    }
}
