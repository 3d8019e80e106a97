//! Checks the structure of a powermetrics document before it is parsed, and shortens it.
//!
//! The check rejects text between elements, because powermetrics sometimes prints warnings
//! into its XML and the message should name that line. It also limits nesting: real documents
//! are 8 deep, and freeing a tree thousands deep would overflow the stack. Only the XML
//! declaration, the document type and `<plist version=...>` may have more than a name between
//! their brackets, so that no attribute or declaration can hide elements from this check.
//! Comments are removed.
//!
//! Most of a document is lists of frequencies, tasks and the like, which are not read. All
//! lists except those of clusters and their cores are emptied.

use std::borrow::Cow;

const COMMENT: &str = "<!--";
const COMMENT_END: &str = "-->";

/// Maximum nesting of elements.
const DEPTH_LIMIT: usize = 64;

/// The lists that are read.
const READ_LISTS: [&str; 2] = ["clusters", "cpus"];

/// Checks the structure and returns the document without comments and unread lists.
///
/// # Errors
/// A message that names the line.
pub(super) fn condense(document: &[u8]) -> Result<Cow<'_, str>, String> {
    let text = std::str::from_utf8(document).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut depth = 0_usize;
    let mut kept = Kept::new(text);
    // Depth of open lists that are omitted.
    let mut lists = 0_usize;
    let mut value = false;
    let mut key = "";
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (between, tag_onwards) = rest.split_at(at);
        reject_text(text, between, value)?;
        if let Some(comment) = tag_onwards.strip_prefix(COMMENT) {
            let (_, after) = comment
                .split_once(COMMENT_END)
                .ok_or("it ends inside of a comment")?;
            kept.leave_out(offset(text, tag_onwards), offset(text, after), lists == 0);
            kept.has_comments = true;
            rest = after;
            continue;
        }
        if value {
            key = between;
        }
        let tag = match tag_onwards.find('>') {
            Some(end) => &tag_onwards[1..end],
            None => return Err("it ends inside of a tag".into()),
        };
        value = matches!(tag, "key" | "string" | "integer" | "real" | "date" | "data");
        depth = nesting(text, tag, depth)?;
        let start = offset(text, tag) - 1;
        match tag {
            "array" if lists == 0 && READ_LISTS.contains(&key) => {}
            "array" => {
                if lists == 0 {
                    kept.leave_out(start, start, true);
                    kept.text.push_str("<array/>");
                }
                lists += 1;
            }
            "/array" if lists > 0 => {
                lists -= 1;
                kept.from = start + tag.len() + 2;
            }
            _ => {}
        }
        rest = &tag_onwards[tag.len() + 2..];
    }
    reject_text(text, rest, false)?;
    kept.finish(lists > 0)
}

/// The kept part of a text.
struct Kept<'a> {
    whole: &'a str,
    text: String,
    /// End of the processed part.
    from: usize,
    is_changed: bool,
    has_comments: bool,
}

impl<'a> Kept<'a> {
    const fn new(whole: &'a str) -> Self {
        Self {
            whole,
            text: String::new(),
            from: 0,
            is_changed: false,
            has_comments: false,
        }
    }

    /// Omits the text between `start` and `end`. The text before it is kept if `keep_before`,
    /// that is, outside of omitted lists.
    fn leave_out(&mut self, start: usize, end: usize, keep_before: bool) {
        if keep_before {
            self.text.push_str(&self.whole[self.from..start]);
        }
        self.from = end;
        self.is_changed = true;
    }

    /// Returns the kept text. If a list has no end, the unchanged text is returned for the
    /// parser to reject, unless it has comments, which the parser may treat differently.
    fn finish(mut self, is_open: bool) -> Result<Cow<'a, str>, String> {
        if is_open && self.has_comments {
            return Err("a list has no end".into());
        }
        if is_open || !self.is_changed {
            return Ok(Cow::Borrowed(self.whole));
        }
        self.text.push_str(&self.whole[self.from..]);
        Ok(Cow::Owned(self.text))
    }
}

/// Returns the nesting depth after `tag`.
fn nesting(text: &str, tag: &str, depth: usize) -> Result<usize, String> {
    let name = tag.trim_end().trim_matches('/').trim_end();
    if is_head(text, tag) {
        return Ok(depth);
    }
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !(plain || tag.starts_with("plist ") && !tag.contains('<')) {
        return Err(format!(
            "line {}: unexpected tag <{}>",
            line_number(text, tag),
            excerpt(tag)
        ));
    }
    match (tag.starts_with('/'), tag.ends_with('/')) {
        (true, _) => Ok(depth.saturating_sub(1)),
        (_, true) => Ok(depth),
        _ if depth == DEPTH_LIMIT => Err(format!(
            "line {}: more than {DEPTH_LIMIT} elements inside each other",
            line_number(text, tag)
        )),
        _ => Ok(depth + 1),
    }
}

fn is_head(text: &str, tag: &str) -> bool {
    let first = offset(text, tag) == 1;
    (first && tag.starts_with("?xml ") || tag.starts_with("!DOCTYPE plist PUBLIC"))
        && !tag.contains(['<', '['])
}

fn reject_text(text: &str, between: &str, value: bool) -> Result<(), String> {
    let stray = between.trim();
    if value || stray.is_empty() {
        return Ok(());
    }
    Err(format!(
        "line {}: text inside the document: {:?}",
        line_number(text, stray),
        excerpt(stray)
    ))
}

/// Returns the offset of `part`, a slice of `text`.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn line_number(text: &str, part: &str) -> usize {
    let before = &text.as_bytes()[..offset(text, part)];
    before.iter().filter(|&&byte| byte == b'\n').count() + 1
}

/// Returns the first line, truncated for a message.
fn excerpt(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(120)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::condense;

    fn check(document: &[u8]) -> Result<(), String> {
        condense(document).map(|_| ())
    }

    #[test]
    fn only_lists_are_emptied() {
        let text = "<dict><key>a</key><array><array><real>1</real></array></array>\
            <key>b</key><real>2</real><key>c</key><array/><key>d</key><array><true/></array></dict>";
        assert_eq!(
            condense(text.as_bytes()).unwrap(),
            "<dict><key>a</key><array/><key>b</key><real>2</real><key>c</key><array/>\
             <key>d</key><array/></dict>"
        );
        for same in [
            "<dict><key>a</key><true/></dict>",
            "<dict><array><true/></dict>",
        ] {
            assert_eq!(condense(same.as_bytes()).unwrap(), same);
        }
    }

    #[test]
    fn comments_are_removed_everywhere() {
        for (text, expected) in [
            ("<!-- a <b> > --><dict></dict>", "<dict></dict>"),
            (
                "<dict><!----><key>a</key><!-- - -- --><true/></dict>",
                "<dict><key>a</key><true/></dict>",
            ),
            ("<integer>1<!-- x -->2</integer>", "<integer>12</integer>"),
            (
                "<dict><array><!-- <array> --><real>1</real></array></dict><!-- end -->",
                "<dict><array/></dict>",
            ),
        ] {
            assert_eq!(condense(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for text in [
            "<dict><!-- </dict>",
            "<dict><!--></dict>",
            "<array><!-- --><true/>",
        ] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_of_clusters_and_cores_are_kept() {
        let text = "<dict><key>clusters</key><array><dict><key>dvfm_states</key><array><dict>\
            </dict></array><key>cpus</key><array><dict><key>idle_ratio</key><real>1</real>\
            </dict></array></dict></array><key>tasks</key><array><dict></dict></array></dict>";
        assert_eq!(
            condense(text.as_bytes()).unwrap(),
            "<dict><key>clusters</key><array><dict><key>dvfm_states</key><array/><key>cpus</key>\
             <array><dict><key>idle_ratio</key><real>1</real></dict></array></dict></array>\
             <key>tasks</key><array/></dict>"
        );
    }

    #[test]
    fn a_plain_document_passes() {
        let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple\" \"x.dtd\">\n\
            <plist version=\"1.0\">\n<dict><key>a</key><true/><key>b</key><real>nan</real>\
            <key>c</key>\n<integer>1</integer><key>d</key><array/></dict>\n</plist>\n";
        assert_eq!(check(text.as_bytes()), Ok(()));
    }

    #[test]
    fn stray_text_is_reported_with_its_line() {
        let text = "<plist version=\"1.0\">\n<dict>\n<key>a</key>\nwarning: time\n<true/>\n</dict>";
        let message = check(text.as_bytes()).unwrap_err();
        assert_eq!(
            message,
            "line 4: text inside the document: \"warning: time\""
        );
    }

    #[test]
    fn deeply_nested_or_obscured_elements_are_refused() {
        assert!(check("<array>".repeat(65).as_bytes()).is_err());
        assert!(check("<array>".repeat(64).as_bytes()).is_ok());
        for text in [
            "<array><!--</array>-->",
            "<array a=\"</array>\">",
            "<x:array>",
            "<array></array ><array x='/'/>",
            "<?p </array> ?>",
            "<!DOCTYPE plist PUBLIC [</array>]>",
            "<plist <array>",
            "<![CDATA[</array>]]>",
            "<>",
            "<array",
        ] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
    }
}
