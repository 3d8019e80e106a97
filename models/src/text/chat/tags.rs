//! Finds the tags of a template as minijinja's lexer does, in one pass: comments, raw text and
//! texts in quotes are skipped, and brackets are counted.

/// A tag between `{%` and `%}`.
pub(super) struct Tag {
    /// Where the content begins, after a sign that trims whitespace.
    pub(super) start: usize,
    /// Where the content ends, before such a sign.
    pub(super) end: usize,
    /// Where the first `=` outside brackets is.
    pub(super) assignment: Option<usize>,
    /// Whether no bracket closes that is not open.
    pub(super) is_balanced: bool,
}

/// Returns the tags of a template. They end before the first part that is not closed: such a
/// template is refused as a whole.
pub(super) fn tags(source: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some((start, kind)) = opening(source, at) {
        let after = match kind {
            b'#' => position(source, start, "#}").map(|end| end + 2),
            b'{' => tag(source.as_bytes(), start, b'}').map(|(_, after)| after),
            _ => match simple_tag(&source[start..], "raw") {
                Some(length) => raw_end(source, start + length),
                None => tag(source.as_bytes(), start, b'%').map(|(tag, after)| {
                    tags.push(tag);
                    after
                }),
            },
        };
        match after {
            Some(after) => at = after,
            None => break,
        }
    }
    tags
}

fn position(source: &str, from: usize, text: &str) -> Option<usize> {
    Some(from + source.get(from..)?.find(text)?)
}

fn is_sign(byte: u8) -> bool {
    matches!(byte, b'-' | b'+')
}

/// Returns where the content of the next tag, expression or comment begins, and its second sign.
fn opening(source: &str, mut from: usize) -> Option<(usize, u8)> {
    let bytes = source.as_bytes();
    loop {
        let at = position(source, from, "{")?;
        match bytes.get(at + 1) {
            Some(&kind @ (b'{' | b'%' | b'#')) => {
                let sign = bytes.get(at + 2).is_some_and(|byte| is_sign(*byte));
                return Some((at + 2 + usize::from(sign), kind));
            }
            _ => from = at + 1,
        }
    }
}

/// Returns the length of the rest of a tag that has only a name.
fn simple_tag(text: &str, name: &str) -> Option<usize> {
    let space = |text: &'_ str| text.len() - text.trim_ascii_start().len();
    let mut at = space(text);
    at += text[at..].strip_prefix(name).map(|_| name.len())?;
    at += space(&text[at..]);
    at += usize::from(text[at..].starts_with(['-', '+']));
    text[at..].starts_with("%}").then_some(at + 2)
}

/// Returns where the tag ends that ends raw text.
fn raw_end(source: &str, mut from: usize) -> Option<usize> {
    loop {
        let at = position(source, from, "{%")? + 2;
        let sign = usize::from(source[at..].starts_with(['-', '+']));
        match simple_tag(&source[at + sign..], "endraw") {
            Some(length) => return Some(at + sign + length),
            None => from = at,
        }
    }
}

/// Returns a tag or an expression, and where it ends.
fn tag(bytes: &[u8], start: usize, closing: u8) -> Option<(Tag, usize)> {
    let (mut open, mut is_balanced, mut assignment) = (0_i64, true, None);
    let mut at = start;
    loop {
        let byte = *bytes.get(at)?;
        if open == 0 {
            let sign = usize::from(is_sign(byte));
            if bytes[at + sign..].starts_with(&[closing, b'}']) {
                let tag = Tag {
                    start,
                    end: at,
                    assignment,
                    is_balanced,
                };
                return Some((tag, at + sign + 2));
            }
        }
        let is_pair = bytes.get(at + 1) == Some(&b'=');
        match byte {
            b'\'' | b'"' => at = text_end(bytes, at)?,
            b'=' | b'!' | b'<' | b'>' if is_pair => at += 1,
            b'=' if open == 0 => assignment = assignment.or(Some(at)),
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open -= 1,
            _ => {}
        }
        is_balanced &= open >= 0;
        at += 1;
    }
}

/// Returns where a text in quotes ends.
fn text_end(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes[start];
    let mut at = start + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at),
            _ => at += 1,
        }
    }
}
