//! Texts that end a generation, found in a stream of pieces.
//!
//! ```text
//! stop "\n\nQ"      pieces  "yes."  "\n"   "\n A"       "\n\n"  "Q: "
//!                  shown   "yes."  ""     "\n\n A"     ""      (end)
//! ```

use crate::error::{Error, Result};

/// Finds stop texts, and holds back what may be the beginning of one.
#[derive(Debug, Clone)]
pub(crate) struct StopTexts {
    texts: Vec<String>,
    held: String,
}

/// Result of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Text that is certainly no part of a stop text.
    pub(crate) text: String,
    /// Whether a stop text follows it.
    pub(crate) is_end: bool,
}

impl StopTexts {
    /// Creates a search for any of `texts`.
    ///
    /// # Errors
    /// [`Error::EmptyStopText`] if one is empty.
    pub(crate) fn new(texts: &[String]) -> Result<Self> {
        if texts.iter().any(String::is_empty) {
            return Err(Error::EmptyStopText);
        }
        Ok(Self {
            texts: texts.to_vec(),
            held: String::new(),
        })
    }

    /// Adds a piece of text.
    pub(crate) fn push(&mut self, piece: &str) -> Shown {
        self.held.push_str(piece);
        if let Some(at) = self.first(&self.held) {
            self.held.truncate(at);
            return Shown {
                text: std::mem::take(&mut self.held),
                is_end: true,
            };
        }
        let starts = self.held.char_indices().map(|(at, _)| at);
        let mut open = starts.filter(|at| self.may_begin(&self.held[*at..]));
        let at = open.next().unwrap_or(self.held.len());
        let rest = self.held.split_off(at);
        Shown {
            text: std::mem::replace(&mut self.held, rest),
            is_end: false,
        }
    }

    /// Returns where the first stop text begins in a text.
    pub(crate) fn first(&self, text: &str) -> Option<usize> {
        self.texts
            .iter()
            .filter_map(|stop| text.find(stop.as_str()))
            .min()
    }

    /// Whether a stop text begins with this.
    fn may_begin(&self, text: &str) -> bool {
        self.texts.iter().any(|stop| stop.starts_with(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(texts: &[&str]) -> StopTexts {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        StopTexts::new(&texts).unwrap()
    }

    #[test]
    fn nothing_of_a_stop_text_is_shown() {
        // Every division into pieces shows the same text.
        let (text, expected) = ("ab\n\n\nQé: \n\nx", "ab\n");
        let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        for first in &cuts {
            for second in cuts.iter().filter(|second| *second >= first) {
                let mut stops = stops(&["\n\nQé", "x"]);
                let (mut shown, mut ended) = (String::new(), false);
                let parts = [&text[..*first], &text[*first..*second], &text[*second..]];
                for part in parts {
                    if !ended {
                        let now = stops.push(part);
                        shown.push_str(&now.text);
                        ended = now.is_end;
                        assert!(expected.starts_with(&shown), "{shown:?}");
                    }
                }
                assert_eq!((shown.as_str(), ended), (expected, true));
            }
        }
    }

    #[test]
    fn the_first_of_several_ends_the_text() {
        let mut both = stops(&["def", "cde"]);
        let shown = both.push("abcdefg");
        assert_eq!((shown.text.as_str(), shown.is_end), ("ab", true));
        let mut none = stops(&[]);
        assert_eq!(none.push("abc").text, "abc");
        assert!(StopTexts::new(&[String::new()]).is_err());
    }

    #[test]
    fn held_text_is_shown_once_it_cannot_be_a_stop_text() {
        let mut stops = stops(&["aab"]);
        let shown: Vec<String> = ["a", "a", "a", "c", "aa"]
            .map(|piece| stops.push(piece).text)
            .into();
        assert_eq!(shown, ["", "", "a", "aac", ""]);
    }
}
