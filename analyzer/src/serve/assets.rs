//! Page, scripts and styles of the dashboard, embedded in the program.
//!
//! A new file is one line in [`EMBEDDED`]. `charts.js` and `charts.css` are generated: the scripts
//! that draw the charts of reports, as one module that exports each of its declarations.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::etag::{entity_tag, is_known};
use super::problem::Problem;
use super::state::App;
use crate::charts;

/// Returns the embedded files with the given paths below `assets/`.
macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("assets/", $path)))),*]
    };
}

/// Files of `assets/`: the path below `/assets/`, and the content.
const EMBEDDED: &[(&str, &str)] = embedded![
    "api.js",
    "app.css",
    "app.js",
    "dom.js",
    "frame.js",
    "icon.svg",
    "index.html",
    "lists.css",
    "live.css",
    "print.css",
    "run.css",
    "socket.js",
    "views/compare.js",
    "views/compare/across.js",
    "views/compare/chooser.js",
    "views/compare/power.js",
    "views/compare/sides.js",
    "views/compare/tables.js",
    "views/compare/tokens.js",
    "views/experiments.js",
    "views/history.js",
    "views/history/dialogs.js",
    "views/history/filters.js",
    "views/history/table.js",
    "views/history/trend.js",
    "views/live.js",
    "views/live/banner.js",
    "views/live/cancel.js",
    "views/live/figures.js",
    "views/live/fill.js",
    "views/live/form.js",
    "views/live/heatmap.js",
    "views/live/list.js",
    "views/live/matrix.js",
    "views/live/power.js",
    "views/live/rails.js",
    "views/live/run.js",
    "views/live/runs.js",
    "views/live/spans.js",
    "views/live/tokens.js",
    "views/reads.js",
    "views/run.js",
    "views/run/cell_charts.js",
    "views/run/cell_tables.js",
    "views/run/cells.js",
    "views/run/columns.js",
    "views/run/head.js",
    "views/run/heatmap.js",
    "views/run/map.js",
    "views/run/metrics.js",
    "views/run/operations.js",
    "views/run/page.js",
    "views/run/pipeline.js",
    "views/run/player.js",
    "views/run/power.js",
    "views/run/section.js",
    "views/run/shades.js",
    "views/run/shared.js",
    "views/run/tables.js",
    "views/run/token_pages.js",
    "views/run/token_strip.js",
    "views/run/waterfall.js",
    "views/runs.js",
    "views/shades.js",
];

/// The page; it is served as `/`.
const PAGE: &str = "index.html";

/// One file as it is sent.
#[derive(Debug)]
struct Asset {
    content: Cow<'static, str>,
    kind: &'static str,
    etag: HeaderValue,
}

static ASSETS: LazyLock<BTreeMap<&'static str, Asset>> = LazyLock::new(|| {
    let embedded = EMBEDDED
        .iter()
        .map(|(path, content)| (*path, Cow::Borrowed(*content)));
    let generated = [
        ("charts.js", Cow::Owned(charts_module())),
        (
            "charts.css",
            Cow::Owned([charts::THEME, charts::STYLES].concat()),
        ),
    ];
    let all = embedded.chain(generated);
    all.map(|(path, content)| (path, Asset::new(path, content)))
        .collect()
});

/// Returns the routes of the page and its files.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/",
            get(async |headers: HeaderMap, uri: Uri| send(PAGE, &headers, &uri)),
        )
        .route(
            "/assets/{*path}",
            get(
                async |Path(path): Path<String>, headers: HeaderMap, uri: Uri| {
                    send(&path, &headers, &uri)
                },
            ),
        )
}

fn send(path: &str, headers: &HeaderMap, uri: &Uri) -> Response {
    match ASSETS.get(path) {
        Some(asset) => asset.respond(headers),
        None => Problem::absent(format!("{} does not exist", uri.path()))
            .with_remedy("open / for the dashboard")
            .into_response(),
    }
}

impl Asset {
    fn new(path: &str, content: Cow<'static, str>) -> Self {
        let etag = HeaderValue::try_from(entity_tag(content.as_bytes()));
        Self {
            kind: content_type(path),
            etag: etag.unwrap_or(HeaderValue::from_static("W/\"\"")),
            content,
        }
    }

    fn respond(&self, headers: &HeaderMap) -> Response {
        let head = [
            (header::ETAG, self.etag.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        let known = headers.get_all(header::IF_NONE_MATCH);
        if is_known(known, self.etag.as_bytes()) {
            return (StatusCode::NOT_MODIFIED, head).into_response();
        }
        let kind = [(header::CONTENT_TYPE, self.kind)];
        let content = match &self.content {
            Cow::Borrowed(text) => (*text).into_response(),
            Cow::Owned(text) => text.clone().into_response(),
        };
        (head, kind, content).into_response()
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

/// Returns the scripts of the charts as a module.
fn charts_module() -> String {
    let scripts = charts::SCRIPTS.concat();
    let names = declarations(&scripts).join(", ");
    format!("{scripts}\nexport {{ {names} }};\n")
}

/// Returns the names that a script declares at the beginning of a line.
fn declarations(script: &str) -> Vec<&str> {
    let declared = |line: &'_ str| -> Option<usize> {
        let kinds = ["const ", "function ", "class ", "async function "];
        let kind = kinds.iter().find(|kind| line.starts_with(**kind))?;
        Some(kind.len())
    };
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let names = script.lines().filter_map(|line| {
        let rest = &line[declared(line)?..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        (end > 0).then_some(&rest[..end])
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve/assets");
        let (mut folders, mut found) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(&root).unwrap().to_owned()),
                }
            }
        }
        for path in found {
            let path = path.to_str().unwrap().replace('\\', "/");
            assert!(
                EMBEDDED.iter().any(|(known, _)| *known == path),
                "{path} is missing in EMBEDDED"
            );
        }
    }

    #[test]
    fn the_module_exports_its_declarations() {
        let script = "// const no = 1;\nconst joules = (x) => x;\nfunction label(x) {\n  const y = 1;\n}\nclass Flame {}\n";
        assert_eq!(declarations(script), ["joules", "label", "Flame"]);
        let module = charts_module();
        let exported = module.lines().last().unwrap();
        for name in ["charts", "joules", "mark", "marks", "h", "s", "partColour"] {
            assert!(exported.contains(&format!(" {name}")), "{name}: {exported}");
        }
    }

    #[test]
    fn all_files_have_at_most_400_kb_compressed() {
        use std::io::Write as _;
        let packed = |asset: &Asset| {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            gzip.write_all(asset.content.as_bytes()).unwrap();
            gzip.finish().unwrap().len()
        };
        let bytes: usize = ASSETS.values().map(packed).sum();
        assert!(bytes <= 400_000, "{bytes}");
    }
}
