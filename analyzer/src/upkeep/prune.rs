//! Which runs to let go, so that a file stays as small or as young as it is to be.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::query::Listed;

/// Tags that spare a run.
const SPARED: [&str; 2] = ["baseline", "keep"];

/// What is to be left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneOptions {
    /// So many of the newest runs stay, whatever else is asked for. By itself, all
    /// others go.
    pub keep: Option<usize>,
    /// Runs that began longer ago go, ns.
    pub older_than_ns: Option<i64>,
    /// The oldest runs go until so many bytes are in use.
    pub max_bytes: Option<u64>,
    /// Runs with the tag `baseline` or `keep` may go, too.
    pub all: bool,
}

/// A run that is to go.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Doomed {
    /// `run` in every table.
    #[serde(skip)]
    pub no: i64,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Wall clock of its start, ns since 1970.
    pub start_unix_ns: i64,
    /// About how many bytes it takes.
    pub bytes: Option<u64>,
    /// Why it goes.
    pub reason: &'static str,
}

/// What would go and what would be left.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Runs that go, oldest first.
    pub runs: Vec<Doomed>,
    /// Runs that were spared for their tags.
    pub spared: usize,
    /// About how many bytes get free.
    pub freed_bytes: u64,
    /// About how many bytes stay in use.
    pub left_bytes: u64,
}

impl Plan {
    /// Makes it for `runs` of `sizes` bytes in a file of which `used_bytes` are in use.
    /// Only runs that have ended go.
    pub fn make(
        runs: &[Listed],
        sizes: &BTreeMap<i64, u64>,
        used_bytes: u64,
        options: &PruneOptions,
        now_unix_ns: i64,
    ) -> Self {
        let mut ended: Vec<&Listed> = runs.iter().filter(|run| run.status != "running").collect();
        ended.sort_by_key(|run| (run.start_unix_ns, run.no));
        ended.truncate(ended.len().saturating_sub(options.keep.unwrap_or(0)));
        let mut plan = Self {
            runs: Vec::new(),
            spared: 0,
            freed_bytes: 0,
            left_bytes: used_bytes,
        };
        for run in ended {
            let Some(reason) = reason(run, plan.left_bytes, options, now_unix_ns) else {
                continue;
            };
            if !options.all && SPARED.iter().any(|tag| run.tags.contains_key(*tag)) {
                plan.spared += 1;
                continue;
            }
            plan.let_go(run, sizes.get(&run.no).copied(), reason);
        }
        plan
    }

    fn let_go(&mut self, run: &Listed, bytes: Option<u64>, reason: &'static str) {
        self.freed_bytes += bytes.unwrap_or(0);
        self.left_bytes = self.left_bytes.saturating_sub(bytes.unwrap_or(0));
        self.runs.push(Doomed {
            no: run.no,
            id: run.id.clone(),
            name: run.name.clone(),
            start_unix_ns: run.start_unix_ns,
            bytes,
            reason,
        });
    }
}

/// Why the run goes while so many bytes are in use.
fn reason(
    run: &Listed,
    used_bytes: u64,
    options: &PruneOptions,
    now_unix_ns: i64,
) -> Option<&'static str> {
    let age_ns = now_unix_ns.saturating_sub(run.start_unix_ns);
    match (options.older_than_ns, options.max_bytes) {
        (Some(limit_ns), _) if age_ns > limit_ns => Some("age"),
        (_, Some(most)) if used_bytes > most => Some("size"),
        (None, None) if options.keep.is_some() => Some("number"),
        _ => None,
    }
}

/// Reads `500MB`, `2GB`, `1.5GiB`.
///
/// # Errors
/// Says what is accepted.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let units = [
        ("KiB", 1_024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("kB", 1e3),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("B", 1.0),
    ];
    let known = units.into_iter().find_map(|(unit, size)| {
        let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        let bytes = number * size;
        (number >= 0.0 && bytes < 1e18).then_some(bytes as u64)
    });
    known.ok_or_else(|| format!("`{text}` is no size; write it like 500MB or 2GB"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(no: i64, start_unix_ns: i64, status: &str, tag: Option<&str>) -> Listed {
        let tags = tag.map(|tag| (tag.to_owned(), String::new()));
        Listed {
            no,
            id: no.to_string(),
            name: None,
            status: status.to_owned(),
            start_unix_ns,
            duration_ns: None,
            model: None,
            engine: None,
            precision: None,
            experiment: None,
            group: None,
            tags: tags.into_iter().collect(),
            input_tokens: None,
            output_tokens: None,
            batch: None,
            energy_j: None,
            lo_j: None,
            hi_j: None,
            coverage: None,
            reason: None,
            active_j: None,
            recorded_j: None,
            j_per_token: None,
            j_per_output_token: None,
            tokens_per_s: None,
            tokens_per_j: None,
            basis: None,
            provenance: None,
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        assert_eq!(parse_bytes("500MB"), Ok(500_000_000));
        assert_eq!(parse_bytes("1.5GiB"), Ok(1_610_612_736));
        assert_eq!(parse_bytes("0B"), Ok(0));
        for wrong in ["", "500", "MB", "-1MB", "nanGB", "1e99GB", "5 bytes"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_oldest_go_until_it_fits() {
        let runs: Vec<Listed> = (0..5).map(|no| run(no, no, "complete", None)).collect();
        let sizes = (0..5).map(|no| (no, 10)).collect();
        let options = PruneOptions {
            max_bytes: Some(75),
            ..PruneOptions::default()
        };
        let plan = Plan::make(&runs, &sizes, 100, &options, 0);
        let gone: Vec<i64> = plan.runs.iter().map(|run| run.no).collect();
        assert_eq!(
            (gone, plan.freed_bytes, plan.left_bytes),
            (vec![0, 1, 2], 30, 70)
        );
    }

    fn some_runs() -> impl Strategy<Value = Vec<Listed>> {
        let status = prop::sample::select(vec!["complete", "running", "crashed", "cancelled"]);
        let tag = prop::sample::select(vec![None, Some("keep"), Some("baseline"), Some("gpu")]);
        prop::collection::vec((0..50_i64, status, tag), 0..20).prop_map(|runs| {
            let numbered = runs.into_iter().enumerate();
            numbered
                .map(|(no, (start, status, tag))| run(no as i64, start, status, tag))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn what_goes_may_go_and_what_stays_must_stay(
            runs in some_runs(),
            keep in prop::option::of(0..10_usize),
            older_than_ns in prop::option::of(0..60_i64),
            max_bytes in prop::option::of(0..250_u64),
            all: bool,
        ) {
            let options = PruneOptions { keep, older_than_ns, max_bytes, all };
            let sizes: BTreeMap<i64, u64> = runs.iter().map(|run| (run.no, 10)).collect();
            let (used, now) = (10 * runs.len() as u64 + 5, 55);
            let plan = Plan::make(&runs, &sizes, used, &options, now);
            let goes = |run: &Listed| plan.runs.iter().any(|gone| gone.no == run.no);
            let is_spared = |run: &Listed| {
                !all && (run.tags.contains_key("keep") || run.tags.contains_key("baseline"))
            };
            let newer = |run: &Listed| {
                let ended = runs.iter().filter(|other| other.status != "running");
                let at = (run.start_unix_ns, run.no);
                ended.filter(|other| (other.start_unix_ns, other.no) > at).count()
            };
            let asks = keep.is_some() || older_than_ns.is_some() || max_bytes.is_some();
            for run in &runs {
                let may = run.status != "running" && !is_spared(run)
                    && newer(run) >= keep.unwrap_or(0);
                let age = older_than_ns.is_some_and(|limit| now - run.start_unix_ns > limit);
                prop_assert!(!goes(run) || (may && asks));
                prop_assert!(!(may && age) || goes(run));
                let only_kept = older_than_ns.is_none() && max_bytes.is_none() && keep.is_some();
                prop_assert!(!(may && only_kept) || goes(run));
            }
            prop_assert_eq!(plan.freed_bytes, 10 * plan.runs.len() as u64);
            prop_assert_eq!(plan.left_bytes, used - plan.freed_bytes);
            prop_assert!(plan.runs.is_sorted_by_key(|run| (run.start_unix_ns, run.no)));
            let could = runs.iter().filter(|run| {
                !goes(run) && run.status != "running" && !is_spared(run)
                    && newer(run) >= keep.unwrap_or(0)
            });
            if max_bytes.is_some_and(|most| plan.left_bytes > most) {
                prop_assert_eq!(could.count(), 0);
            }
        }
    }
}
