//! Names of the parts of a model in several GGUF files: `model-00001-of-00003.gguf`.

use std::path::{Path, PathBuf};

/// Digits of both numbers.
const DIGITS: usize = 5;
/// Most parts that are believable.
const MOST: usize = 1 << 10;

/// The name of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartName {
    /// What the names of all parts begin with.
    stem: String,
    /// Number of this part, from 1 on.
    number: usize,
    /// Number of parts.
    pub(crate) count: usize,
}

impl PartName {
    /// Parses a file's name; `None` if it is not that of a part.
    pub(crate) fn parse(file: &str) -> Option<Self> {
        let rest = file.strip_suffix(".gguf")?;
        let (rest, count) = split_number(rest, "-of-")?;
        let (stem, number) = split_number(rest, "-")?;
        let is_valid = (1..=count).contains(&number) && count <= MOST;
        is_valid.then(|| Self {
            stem: stem.to_owned(),
            number,
            count,
        })
    }

    /// Returns the names of all parts in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = String> + '_ {
        let count = self.count;
        (1..=count).map(move |number| format!("{}-{number:05}-of-{count:05}.gguf", self.stem))
    }
}

fn split_number<'t>(text: &'t str, before: &str) -> Option<(&'t str, usize)> {
    let (rest, number) = text.rsplit_once(before)?;
    let is_number = number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((rest, number.parse().ok().filter(|_| is_number)?))
}

/// Returns the paths of all parts of the model that a file belongs to, in order; the path
/// itself if its name is not that of a part.
pub fn parts(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(PartName::parse) {
        Some(name) => name.all().map(|part| path.with_file_name(part)).collect(),
        None => vec![path.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_are_parsed() {
        let part = PartName::parse("a-00002-of-00003.gguf").unwrap();
        assert_eq!((part.stem.as_str(), part.number, part.count), ("a", 2, 3));
        let all = parts(Path::new("/m/a-00002-of-00002.gguf"));
        let expected = ["/m/a-00001-of-00002.gguf", "/m/a-00002-of-00002.gguf"];
        assert_eq!(all, expected.map(PathBuf::from));
        for other in [
            "a.gguf",
            "a-00000-of-00003.gguf",
            "a-00004-of-00003.gguf",
            "a-0001-of-00003.gguf",
            "a-00001-of-99999.gguf",
            "a-00001-of-00003.safetensors",
            "a-+0001-of-00003.gguf",
        ] {
            assert_eq!(PartName::parse(other), None, "{other}");
        }
    }
}
