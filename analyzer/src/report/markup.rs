//! HTML building blocks.

use crate::format::html::escape;

/// Returns a paragraph; empty if there is no text.
pub(super) fn paragraph(class: &str, text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("<p class=\"{class}\">{}</p>\n", escape(text)),
    }
}

/// Returns terms with their values, without unknown ones.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let known = facts.iter().filter(|(_, value)| !value.is_empty());
    let each = known.map(|(name, value)| {
        format!(
            "<div><dt>{}</dt><dd>{}</dd></div>\n",
            escape(name),
            escape(value)
        )
    });
    format!("<dl class=\"facts\">\n{}</dl>\n", each.collect::<String>())
}

/// Returns a list of sentences; empty if there are none.
pub(super) fn list(class: &str, texts: &[String]) -> String {
    if texts.is_empty() {
        return String::new();
    }
    let each = texts
        .iter()
        .map(|text| format!("<li>{}</li>\n", escape(text)));
    format!(
        "<ul class=\"{class}\">\n{}</ul>\n",
        each.collect::<String>()
    )
}

/// Returns the placeholder in which a script draws a chart of run number `run`.
pub(super) fn chart(kind: &str, run: usize, label: &str) -> String {
    format!(
        "<figure class=\"chart\" data-chart=\"{kind}\" data-run=\"{run}\" aria-label=\"{}\"></figure>\n",
        escape(label)
    )
}

/// Returns the placeholder in which a script draws a plot of the experiment.
pub(super) fn plot(number: usize, label: &str) -> String {
    format!(
        "<figure class=\"chart\" data-plot=\"{number}\" aria-label=\"{}\"></figure>\n",
        escape(label)
    )
}

/// Returns a collapsed section. `rows` is its length: short ones are also printed.
pub(super) fn details(summary: &str, rows: usize, content: &str) -> String {
    let class = if rows > 80 { "long" } else { "short" };
    format!(
        "<details class=\"{class}\"><summary>{}</summary>\n{content}</details>\n",
        escape(summary)
    )
}

/// Returns a section with a heading.
pub(super) fn section(id: &str, title: &str, how: &str, content: &str) -> String {
    let (title, how) = (escape(title), escape(how));
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n\
         <p class=\"how\">{how}</p>\n{content}</section>\n"
    )
}
