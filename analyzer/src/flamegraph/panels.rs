//! Two pictures side by side in one file, each with its own zoom and search.
//!
//! A picture by inferno believes to be alone in its file: it finds its parts by their
//! ids, and its script's names are global. Here each gets ids of its own, and its
//! script a scope of its own. Ids stand in quotes, which are written out in text, so
//! that no recorded name is taken for one.

use std::fmt::Write as _;
use std::io::Write;

use super::draw::Heading;
use super::options::{Measure, Picture};
use super::{Graph, label};
use crate::error::Result;

/// Pixels of both pictures where none are asked for.
const WIDTH: usize = 1600;

/// Pixels between them.
const GAP: usize = 10;

/// Pixels for the words above both.
const HEAD: usize = 60;

/// Ids within a picture.
const IDS: [&str; 8] = [
    "background",
    "title",
    "subtitle",
    "details",
    "unzoom",
    "search",
    "matched",
    "frames",
];

/// Names that inferno's script does not declare: without a scope they would be shared.
const SHARED: &str = "total_samples, text, originalContent, bangWidth, wWidth, k";

/// Starts the scripts of all panels. Control-F searches all of them for one answer.
const SCRIPT: &str = r#"
    var panels = [], answer;
    function init(evt) { panels.forEach(function(start) { start(evt); }); }
    function ask(question, unless) {
        if (answer === undefined) {
            answer = prompt(question, unless);
            setTimeout(function() { answer = undefined; }, 0);
        }
        return answer;
    }
"#;

/// Draws two graphs side by side.
///
/// # Errors
/// When `out` cannot be written.
pub fn draw_beside(graphs: [&Graph; 2], picture: &Picture, out: &mut dyn Write) -> Result<()> {
    let whole = picture.width.unwrap_or(WIDTH);
    let width = whole.saturating_sub(GAP) / 2;
    let alone = Picture {
        width: Some(width),
        ..picture.clone()
    };
    let mut panels = Vec::new();
    for graph in graphs {
        let heading = Heading {
            title: what(graph).to_owned(),
            subtitle: graph.words.figure.clone(),
        };
        panels.push(graph.svg(&alone, heading)?);
    }
    let heights: Vec<usize> = panels.iter().map(|panel| height(panel)).collect();
    let highest = heights.iter().copied().max().unwrap_or(0);
    let mut file = head(graphs, picture, (2 * width + GAP, HEAD + highest));
    for (number, (panel, height)) in panels.iter().zip(heights).enumerate() {
        // Roots of both stand on one line.
        let y = if picture.icicle {
            HEAD
        } else {
            HEAD + highest - height
        };
        let x = number * (width + GAP);
        let _ = write!(
            file,
            r#"<svg id="panel-{number}" x="{x}" y="{y}" width="{width}" height="{height}">"#
        );
        file.push_str(&apart(body(panel), number));
        file.push_str("</svg>");
    }
    file.push_str("</svg>");
    out.write_all(file.as_bytes())?;
    Ok(())
}

fn what(graph: &Graph) -> &'static str {
    match graph.what.measure {
        Measure::Energy => "Energy",
        Measure::Time => "Self time",
    }
}

/// The file's begin: size, scripts and words above both panels.
fn head(graphs: [&Graph; 2], picture: &Picture, (width, height): (usize, usize)) -> String {
    let title = match &picture.title {
        Some(title) => label::text(title, 200),
        None => graphs[0].words.name.clone(),
    };
    let [left, right] = graphs.map(|graph| graph.detail(picture));
    let detail = if left == right {
        left
    } else {
        format!("{left} | {right}")
    };
    let middle = width / 2;
    format!(
        r##"<?xml version="1.0" standalone="no"?><svg version="1.1" width="{width}" height="{height}" viewBox="0 0 {width} {height}" onload="init(evt)" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:fg="http://github.com/jonhoo/inferno"><script type="text/ecmascript"><![CDATA[{SCRIPT}]]></script><rect width="100%" height="100%" fill="#f8f8f8"/><text x="{middle}" y="24" style="font-size:17px;font-family:monospace;text-anchor:middle">{}</text><text x="{middle}" y="46" style="font-size:12px;font-family:monospace;text-anchor:middle">{}</text>"##,
        escape(&title),
        escape(&detail)
    )
}

/// Text between tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Pixels that a picture says it is high.
fn height(svg: &str) -> usize {
    let said = svg.split(r#" height=""#).nth(1);
    let number = said.and_then(|text| text.split('"').next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What is within the outermost tag.
fn body(svg: &str) -> &str {
    let start = svg
        .find("<svg ")
        .and_then(|at| Some(at + svg[at..].find('>')? + 1));
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.get(start.unwrap_or(0)..end).unwrap_or_default()
}

/// A picture that can stand beside another one.
fn apart(body: &str, number: usize) -> String {
    let mut apart = body.to_owned();
    for id in IDS {
        apart = apart.replace(&format!("\"{id}\""), &format!("\"{id}-{number}\""));
    }
    apart = apart.replace(
        "\"url(#background)\"",
        &format!("\"url(#background-{number})\""),
    );
    let Some(end) = apart.rfind("</script>") else {
        return apart;
    };
    // Styles and scripts come before all that is recorded.
    let (before, after) = apart.split_at(end);
    let mut before = before.to_owned();
    for id in IDS {
        before = before.replace(&format!("#{id}"), &format!("#{id}-{number}"));
    }
    format!("{}{after}", scoped(&before, number))
}

/// A picture's begin up to the end of its script, whose names are in a scope then.
fn scoped(before: &str, number: usize) -> String {
    let mut scoped = before
        .replace("document.querySelector(", "frames.querySelector(")
        .replace("= prompt(", "= ask(");
    // What is zoomed and searched is kept in the address.
    for name in ["x", "y", "s"] {
        scoped = scoped.replace(&format!("params.{name}"), &format!("params.{name}{number}"));
    }
    let Some(script) = scoped.find("<![CDATA[").filter(|_| scoped.ends_with("]]>")) else {
        return scoped;
    };
    let style_or_script = scoped.rfind("<script").map_or(script, |at| {
        scoped[at..]
            .find("<![CDATA[")
            .map_or(script, |in_it| at + in_it)
    });
    scoped.insert_str(
        style_or_script + "<![CDATA[".len(),
        &format!("(function() {{ var {SHARED};"),
    );
    scoped.truncate(scoped.len() - "]]>".len());
    scoped.push_str("panels.push(init); })();]]>");
    scoped
}
