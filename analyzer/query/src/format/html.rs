//! Tables and text for HTML pages. Recorded texts are escaped.

use super::UNKNOWN;
use super::alignment::left_aligned;

/// Escapes `text` for HTML content and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '"' => plain.push_str("&quot;"),
            '\'' => plain.push_str("&#39;"),
            c => plain.push(c),
        }
    }
    plain
}

/// A table cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HtmlCell {
    /// Displayed text.
    pub(super) text: String,
    /// Numeric sort key.
    pub(super) sort: Option<f64>,
}

/// Returns a table that scrolls if it is wider than the page. Text is left-aligned, numbers
/// are right-aligned.
pub(super) fn table(title: &str, header: &[&str], rows: &[Vec<HtmlCell>]) -> String {
    let texts: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.text.clone()).collect())
        .collect();
    let left = left_aligned(&texts, header.len());
    let mut html = String::with_capacity(256 + rows.len() * header.len() * 40);
    let title = escape(title);
    html.push_str(&format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{title}\"><table>\
         <caption>{title}</caption><thead><tr>"
    ));
    for (heading, left) in header.iter().zip(&left) {
        let class = if *left { "" } else { " class=\"n\"" };
        html.push_str(&format!(
            "<th scope=\"col\"{class}>{}</th>",
            escape(heading)
        ));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (cell, left) in row.iter().zip(&left) {
            push_cell(&mut html, cell, *left);
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn push_cell(html: &mut String, cell: &HtmlCell, left: bool) {
    html.push_str(if left { "<td" } else { "<td class=\"n\"" });
    if let Some(sort) = cell.sort {
        html.push_str(&format!(" data-v=\"{sort}\""));
    }
    html.push('>');
    match cell.text.as_str() {
        UNKNOWN => html.push('–'),
        text => html.push_str(&escape(text)),
    }
    html.push_str("</td>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_unknown_values_are_dashes() {
        let cell = |text: &str, sort| HtmlCell {
            text: text.to_owned(),
            sort,
        };
        let rows = [vec![
            cell("<b>\"x\"'&", None),
            cell(UNKNOWN, None),
            cell("1 J", Some(1.0)),
        ]];
        let html = table("a<b", &["x", "y", "z"], &rows);
        assert!(
            html.contains("<td>&lt;b&gt;&quot;x&quot;&#39;&amp;</td>"),
            "{html}"
        );
        assert!(html.contains(">–</td>"), "{html}");
        assert!(
            html.contains("<td class=\"n\" data-v=\"1\">1 J</td>"),
            "{html}"
        );
        assert!(html.contains("<caption>a&lt;b</caption>"), "{html}");
    }
}
