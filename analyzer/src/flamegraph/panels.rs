//! Draws two pictures side by side in one file, each with its own zoom and search.
//!
//! inferno's script assumes that its picture is alone in the file: it finds elements by fixed
//! ids, and its variables are global. Here each picture gets its own ids, and its script its
//! own scope. A name such as `title` is an id only in some places: the script also searches for
//! tags of that name. Quotes are escaped in text, so that no recorded name is mistaken for an
//! id.

use std::fmt::Write as _;
use std::io::Write;

use super::Graph;
use super::draw::Heading;
use super::options::{Measure, Picture};
use crate::error::Result;
use crate::format::label;

/// Default width of both pictures in pixels.
const WIDTH: usize = 1600;

/// Gap between the pictures in pixels.
const GAP: usize = 10;

/// Height of the heading in pixels.
const HEAD: usize = 60;

/// Text before a quoted id in a picture: an attribute, and places in its script.
const BEFORE_ID: [&str; 3] = [" id=", "getElementById(", ".id == "];

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

/// Variables that inferno's script does not declare: without a scope both pictures would share
/// them.
const SHARED: &str = "total_samples, text, originalContent, bangWidth, wWidth, k";

const CDATA: &str = "<![CDATA[";

/// Ends a panel's script. Labels are laid out for the browser's font, which inferno does not do
/// for a picture of fixed width.
const START: &str = "
    panels.push(function(evt) { init(evt); update_text_for_elements(frames.children); });
})();";

/// Starts the scripts of all panels. Control-F prompts once and searches all of them.
const SCRIPT: &str = r#"
    var panels = [], answer;
    function init(evt) { panels.forEach(function(start) { start(evt); }); }
    function promptOnce(question, initial) {
        if (answer === undefined) {
            answer = prompt(question, initial);
            setTimeout(function() { answer = undefined; }, 0);
        }
        return answer;
    }
"#;

/// Draws two graphs side by side.
///
/// # Errors
/// Fails if `out` cannot be written.
pub fn draw_side_by_side(
    graphs: [&Graph; 2],
    picture: &Picture,
    out: &mut dyn Write,
) -> Result<()> {
    let whole = picture.width.unwrap_or(WIDTH);
    let width = whole.saturating_sub(GAP) / 2;
    let alone = Picture {
        width: Some(width),
        ..picture.clone()
    };
    let mut panels = Vec::new();
    for graph in graphs {
        let heading = Heading {
            title: measure_name(graph).to_owned(),
            subtitle: graph.captions.summary.clone(),
        };
        panels.push(graph.svg(&alone, heading)?);
    }
    let heights: Vec<usize> = panels.iter().map(|panel| height(panel)).collect();
    let highest = heights.iter().copied().max().unwrap_or(0);
    let mut file = head(graphs, picture, (2 * width + GAP, HEAD + highest));
    for (number, (panel, height)) in panels.iter().zip(heights).enumerate() {
        // The roots of both are aligned.
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
        file.push_str(&with_unique_ids(body(panel), number));
        file.push_str("</svg>");
    }
    file.push_str("</svg>");
    out.write_all(file.as_bytes())?;
    Ok(())
}

fn measure_name(graph: &Graph) -> &'static str {
    match graph.options.measure {
        Measure::Energy => "Energy",
        Measure::Time => "Self time",
    }
}

/// Returns the start of the file: size, scripts and captions above both panels.
fn head(graphs: [&Graph; 2], picture: &Picture, (width, height): (usize, usize)) -> String {
    let title = match &picture.title {
        Some(title) => label::text(title, 200),
        None => graphs[0].captions.name.clone(),
    };
    let [left, right] = graphs.map(|graph| graph.detail(picture));
    let detail = if left == right {
        left
    } else {
        format!("{left} | {right}")
    };
    let middle = width / 2;
    // Without a width of its own it fills the window.
    let size = match picture.width {
        Some(_) => format!(r#"width="{width}" height="{height}""#),
        None => r#"width="100%" preserveAspectRatio="xMidYMin meet""#.to_owned(),
    };
    format!(
        r##"<?xml version="1.0" standalone="no"?><svg version="1.1" {size} viewBox="0 0 {width} {height}" onload="init(evt)" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:fg="http://github.com/jonhoo/inferno"><script type="text/ecmascript"><![CDATA[{SCRIPT}]]></script><rect width="100%" height="100%" fill="#f8f8f8"/><text x="{middle}" y="24" style="font-size:17px;font-family:monospace;text-anchor:middle">{}</text><text x="{middle}" y="46" style="font-size:12px;font-family:monospace;text-anchor:middle">{}</text>"##,
        escape(&title),
        escape(&detail)
    )
}

/// Escapes text between tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Returns the height attribute of a picture in pixels.
fn height(svg: &str) -> usize {
    let attribute = svg.split(r#" height=""#).nth(1);
    let number = attribute.and_then(|text| text.split('"').next());
    number.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns the content of the outermost tag.
fn body(svg: &str) -> &str {
    let start = svg
        .find("<svg ")
        .and_then(|at| Some(at + svg[at..].find('>')? + 1));
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.get(start.unwrap_or(0)..end).unwrap_or_default()
}

/// Makes the ids and the script of a picture unique within the file.
fn with_unique_ids(body: &str, number: usize) -> String {
    // Styles and the script precede all recorded text.
    let end = body.find("</script>").unwrap_or(0);
    let (own, recorded) = body.split_at(end);
    let background = format!("\"url(#background-{number})\"");
    let mut own = with_numbered_ids(own, number);
    for id in IDS {
        own = own.replace(&format!("#{id}"), &format!("#{id}-{number}"));
    }
    let recorded = with_numbered_ids(recorded, number).replace("\"url(#background)\"", &background);
    format!("{}{recorded}", scoped(&own, number))
}

/// Adds the panel's number to all ids.
fn with_numbered_ids(text: &str, number: usize) -> String {
    let places = IDS
        .iter()
        .flat_map(|id| BEFORE_ID.map(|before| (before, id)));
    places.fold(text.to_owned(), |text, (before, id)| {
        let (old, new) = (
            format!("{before}\"{id}\""),
            format!("{before}\"{id}-{number}\""),
        );
        text.replace(&old, &new)
    })
}

/// Wraps the picture's script, at the end of `own`, in a scope of its own.
fn scoped(own: &str, number: usize) -> String {
    let (before, script) = own.split_at(own.rfind("<script").unwrap_or(own.len()));
    let mut script = script
        .replacen(CDATA, &format!("{CDATA}(function() {{ var {SHARED};"), 1)
        .replace("document.querySelector(", "frames.querySelector(")
        .replace("= prompt(", "= promptOnce(");
    // The state of zoom and search is kept in the URL.
    for name in ["x", "y", "s"] {
        script = script.replace(&format!("params.{name}"), &format!("params.{name}{number}"));
    }
    if let Some(open) = script.strip_suffix("]]>") {
        script = format!("{open}{START}]]>");
    }
    format!("{before}{script}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flamegraph::{Divisor, GraphOptions, tree::FrameTree};

    /// A frame with every name that the picture's script searches for.
    fn graph() -> Graph {
        let mut tree = FrameTree::default();
        for label in ["\"frames\" #frames </script> url(#background)", "#details"] {
            let frame = tree.child(None, label.to_owned());
            tree.add(frame, 1, 1.0);
        }
        Graph::from_tree(tree, &GraphOptions::default(), Divisor::Run, false)
    }

    #[test]
    fn two_pictures_share_no_ids_and_no_variables() {
        let (graph, mut file) = (graph(), Vec::new());
        draw_side_by_side([&graph, &graph], &Picture::default(), &mut file).unwrap();
        let file = String::from_utf8(file).unwrap();
        let parsed = roxmltree::Document::parse(&file).unwrap();
        let mut ids: Vec<_> = parsed
            .descendants()
            .filter_map(|n| n.attribute("id"))
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), all), (18, 18), "{ids:?}");
        let scripts = parsed
            .descendants()
            .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "script")));
        let scripts: Vec<String> = scripts
            .map(|script| script.children().filter_map(|n| n.text()).collect())
            .collect();
        assert_eq!(scripts.len(), 3);
        for (number, script) in scripts[1..].iter().enumerate() {
            assert!(script.starts_with("(function() { var "), "{script}");
            assert!(script.trim_end().ends_with("})();"), "{script}");
            for id in IDS {
                for before in BEFORE_ID {
                    assert!(!script.contains(&format!("{before}\"{id}\"")), "{id}");
                }
            }
            // Tags keep their names.
            assert!(script.contains("find_child(e, \"title\")"));
            // Each of these replaces a name in the script that both pictures would share.
            for new in [
                "\"details-#\"",
                "\"#frames-# rect\"",
                "frames.querySelector(",
                "= promptOnce(",
                "params.x#",
                "params.y#",
                "params.s#",
                "panels.push(",
            ] {
                let new = new
                    .replace("-#", &format!("-{number}"))
                    .replace("s.x#", &format!("s.x{number}"));
                let new = new
                    .replace("s.y#", &format!("s.y{number}"))
                    .replace("s.s#", &format!("s.s{number}"));
                assert!(script.contains(&new), "{new}");
            }
        }
        let shown = parsed
            .descendants()
            .filter(|n| n.tag_name().name() == "title");
        let shown: Vec<&str> = shown.filter_map(|n| n.text()).collect();
        let label = "\"frames\" #frames </script> url(#background) (1,000,000 uJ, 50.00%)";
        assert_eq!(
            shown.iter().filter(|title| **title == label).count(),
            2,
            "{shown:?}"
        );
    }
}
