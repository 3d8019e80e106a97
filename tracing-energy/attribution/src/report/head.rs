//! The head of an attribution: its method and diagnostics.

use energy_data::Batched;
use energy_data::rows::AttributionRow;

use crate::allocate::proportional::{METHOD, VERSION};
use crate::ledger::entries::Ledger;
use crate::prices::EstimateMetadata;
use crate::report::finished::RailTotal;
use crate::windows::inputs::RunInputs;

/// Returns the head. Without `metadata`, the method is `proportional`.
pub(crate) fn head(
    ledger: &Ledger,
    inputs: &RunInputs,
    metadata: Option<&EstimateMetadata>,
    totals: &[RailTotal],
) -> AttributionRow {
    let above = totals.iter().filter(|total| total.baseline_above_run);
    let above: Vec<u32> = above.map(|total| total.balance.rail).collect();
    let (counters, spans) = (&ledger.counters, &inputs.spans);
    let mut diagnostics = serde_json::json!({
        "windows": counters.windows,
        "unmeasured_windows": counters.unmeasured_windows,
        "windows_without_cpu_times": counters.windows_without_cpu,
        "unbalanced_windows": counters.unbalanced_windows,
        "worst_imbalance": counters.worst_imbalance,
        "late_records": spans.late_edges,
        "late_samples": counters.late_samples,
        "samples_of_unknown_rails": inputs.unknown_rail,
        "merged_segments": spans.merged_segments,
        "merged_phase_sets": spans.phases.merged,
        "unmatched_closings": spans.stacks.unmatched,
        "baseline_above_run": above,
        "from_totals": spans.has_totals,
    });
    if !inputs.batched.is_empty() {
        diagnostics["batched"] = inputs.batched.iter().map(Batched::json).collect();
    }
    if let Some(metadata) = metadata.filter(|metadata| !metadata.rails.is_null()) {
        diagnostics["rails"] = metadata.rails.clone();
    }
    AttributionRow {
        id: 1,
        method: metadata
            .map_or(METHOD, |metadata| &metadata.method)
            .to_owned(),
        version: metadata.map_or(VERSION, |metadata| metadata.version),
        params: metadata
            .map_or("{}", |metadata| &metadata.params)
            .to_owned(),
        clock_offset_ns: metadata.and_then(|metadata| metadata.clock_offset_ns),
        diagnostics: diagnostics.to_string(),
    }
}
