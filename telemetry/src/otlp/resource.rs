//! The resource and the scope of a run's signals.

use energy_data::rows::RunRow;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::text;
use crate::names::{self, resource};

/// Resource and scope of all signals of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResource {
    pub(super) resource: Resource,
    pub(super) scope: InstrumentationScope,
}

impl RunResource {
    /// Describes a run.
    pub fn new(run: &RunRow) -> Self {
        let known = [
            (resource::SERVICE_NAME, Some(service(run))),
            (resource::SERVICE_INSTANCE_ID, Some(run.uuid.as_str())),
            (resource::HOST_NAME, run.host.as_deref()),
            (resource::HOST_ID, run.host_id.as_deref()),
            (resource::OS_DESCRIPTION, run.os.as_deref()),
            (resource::RUN_NAME, run.metadata.name.as_deref()),
            (resource::CHIP, run.chip.as_deref()),
        ];
        let known = known.into_iter();
        let known = known.filter_map(|(key, value)| Some(text(key, value?)));
        Self {
            resource: Resource {
                attributes: known.collect(),
                ..Resource::default()
            },
            scope: InstrumentationScope {
                name: names::SCOPE.to_owned(),
                version: run.version.clone(),
                ..InstrumentationScope::default()
            },
        }
    }
}

/// Returns the name of the service that a run belongs to: its tag `service`.
pub(crate) fn service_tag(run: &RunRow) -> Option<&str> {
    let mut tags = run.metadata.tags.iter();
    let found = tags.find(|(key, _)| key == "service");
    found.map(|(_, value)| value.as_str())
}

/// Returns the service, or the run's name. The conventions require a value.
fn service(run: &RunRow) -> &str {
    let name = run.metadata.name.as_deref();
    service_tag(run).or(name).unwrap_or("unknown_service")
}
