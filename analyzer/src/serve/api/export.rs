//! Exports a run for other programs.

use std::io::{self, Write};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer;
use super::choice::parsed;
use super::file_name::attachment;
use super::responses::{RunPath, RunProblems};
use super::tar;
use crate::error::{Error, Result};
use crate::export::{
    self, ExportFormat, ExportSource, ExportWriter, FormatOutput, WalkFilter, parse_energy,
    parse_window,
};
use crate::serve::extract::{Path, Query};
use crate::serve::problem::Problem;
use crate::serve::state::App;

/// The format `csv` as a folder; `csv` itself is sent as one file.
const CSV_TABLES: &str = "csv-tables";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export_run))
}

/// Parameters of an export.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    /// Format: those of `energy export`, and `csv-tables`. `csv` is one file with all tables;
    /// formats that are folders are sent as tar [default: json]
    format: Option<String>,
    /// Attribution to export [default: the newest]
    attribution: Option<i64>,
    /// Time range of the run, such as `2s..5s` [default: the whole run]
    window: Option<String>,
    /// Smallest energy of a span entry, such as `1mJ` [default: all]
    min_energy: Option<String>,
}

/// How a format is sent.
#[derive(Clone, Copy)]
struct Shipped {
    format: &'static dyn ExportFormat,
    is_tar: bool,
    ending: &'static str,
    media: &'static str,
}

impl Shipped {
    fn of(name: &str) -> Result<Self> {
        let is_tables = name == CSV_TABLES;
        let known = || {
            let mut names = export::names();
            names.push(CSV_TABLES);
            names.join(", ")
        };
        let plain = if is_tables { "csv" } else { name };
        let format = export::format(plain).map_err(|_| Error::Unknown {
            what: "format",
            name: crate::format::escape(&crate::format::shorten(name, 60)),
            known: known(),
        })?;
        Ok(match format.output() {
            FormatOutput::Folder if plain == "csv" && !is_tables => Self {
                format,
                is_tar: false,
                ending: "csv",
                media: "text/csv; charset=utf-8",
            },
            FormatOutput::Folder => Self {
                format,
                is_tar: true,
                ending: "tar",
                media: "application/x-tar",
            },
            FormatOutput::Json(ending) => Self {
                format,
                is_tar: false,
                ending,
                media: "application/json",
            },
            FormatOutput::File(ending) => Self {
                format,
                is_tar: false,
                ending,
                media: match ending {
                    "folded" => "text/plain; charset=utf-8",
                    _ => "application/octet-stream",
                },
            },
        })
    }

    /// Returns headers of the response: media type and a name to save it with.
    fn head(&self, uuid: &str) -> Response {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        headers.insert(
            header::CONTENT_DISPOSITION,
            attachment("profiling_run_", uuid, self.ending),
        );
        let revalidate = HeaderValue::from_static("private, no-cache");
        headers.insert(header::CACHE_CONTROL, revalidate);
        response
    }

    fn write(&self, source: &ExportSource<'_>, out: &mut dyn Write) -> Result<()> {
        if self.is_tar {
            let folder = tempfile::tempdir()?;
            export::export(self.format, source, folder.path())?;
            return Ok(tar::write_folder(folder.path(), out)?);
        }
        let mut out = match self.format.output() {
            FormatOutput::Folder => ExportWriter::sections(out),
            _ => ExportWriter::stream(out),
        };
        self.format.write(source, &mut out)?;
        out.finish().map(|_| ())
    }
}

/// Exports a run in a format of another program.
#[utoipa::path(get, path = "/api/profiling/export/{id}", tag = "run",
    params(RunPath, ExportQuery),
    responses((status = 200, description = "The file, with a name to save it with",
               content((String = "application/json"), (String = "text/csv"),
                       (String = "text/plain"), (Vec<u8> = "application/octet-stream"),
                       (Vec<u8> = "application/x-tar"))), RunProblems))]
async fn export_run(
    State(app): State<App>,
    Path(path): Path<RunPath>,
    Query(query): Query<ExportQuery>,
) -> std::result::Result<Response, Problem> {
    let name = query.format.as_deref().filter(|name| !name.is_empty());
    let shipped =
        Shipped::of(name.unwrap_or("json")).map_err(|error| Problem::invalid(error.to_string()))?;
    let filter = WalkFilter {
        window: parsed(query.window.as_ref(), "window", parse_window)?,
        least_j: parsed(query.min_energy.as_ref(), "min_energy", parse_energy)?,
    };
    let attribution = query.attribution;
    app.readers
        .stream(move |recording, head| {
            let run = answer::find_run(recording, &path.id, attribution)?;
            let source = ExportSource::read(recording, &run, filter)?;
            let mut body = head.begin(shipped.head(&run.row.uuid))?;
            let result = shipped.write(&source, &mut body);
            body.finish(result.map_err(io::Error::other));
            Ok(())
        })
        .await
}
