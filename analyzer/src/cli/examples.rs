//! Examples and explanations in the help of the commands that show one run.

pub(super) const SHOW: &str = "Examples:
  energy show
  energy show sky --format json";

pub(super) const SUMMARY: &str = "Examples:
  energy summary
  energy summary sky --format json | jq .totals.j_per_token
  energy summary sky --rail gpu --phase decode
  energy summary sky --price 0.30EUR/kWh --region de
  energy summary sky --co2 400g/kWh
  energy summary sky --attribution 1

With --phase, values of all tokens are omitted. With --basis, the lists of
call paths, operations, layers and components only contain rows with that
basis. Factors of regions are yearly averages.";

pub(super) const PIPELINE: &str = "Examples:
  energy pipeline
  energy pipeline sky --rail gpu";

pub(super) const TOKENS: &str = "Examples:
  energy tokens
  energy tokens sky --outliers
  energy tokens sky --format csv > tokens.csv

A token is an outlier if its modified z-score exceeds 3.5: 0.6745 times its
distance from the median, divided by the median of these distances.";

pub(super) const LAYERS: &str = "Examples:
  energy layers
  energy layers sky --phase decode --format csv";

pub(super) const REQUESTS: &str = "Examples:
  energy requests
  energy routes shop --by route,status --since 10m
  energy requests shop --span handle --costliest 20 --format json

A request is a span with all spans below it, on all threads. Its time is that from
the creation of the span to its end; its energy is active energy, without idle.";

pub(super) const HOT: &str = "Examples:
  energy hot
  energy hot sky --phase decode --limit 40
  energy hot sky --format markdown";

pub(super) const BALANCE: &str = "Examples:
  energy balance
  energy balance sky --format json";

pub(super) const POWER: &str = "Examples:
  energy power
  energy power sky --rail gpu --format csv > gpu.csv";

pub(super) const OPS: &str = "Examples:
  energy ops
  energy ops sky --by name --rail gpu
  energy ops sky --phase decode --limit 10
  energy ops sky --groups --format csv > kinds.csv

Energies are active self energies. With the accounts below them they sum to
the measured energy: operations + (idle) + (other accounts) - (extrapolated).
With --phase or --basis there are no accounts. An operation that also occurs
in other phases has no interval with --phase.";

pub(super) const QUERY: &str = "Examples:
  energy query \"select phase, energy_j from v_phases where run = 1\"
  energy query \"select name, sql from sqlite_schema where type = 'view'\"
  energy query \"select * from v_tokens\" --format csv > tokens.csv

Queries are read-only. Views: v_runs, v_phases, v_sections, v_tokens,
v_layers, v_components, v_operations, v_nodes, v_kinds, v_power, span_metrics,
v_trials; `run` is the number of a run.";

#[cfg(feature = "fleet")]
pub(super) const FLEET: &str = "Examples:
  energy fleet push /mnt/energy
  energy fleet compact /mnt/energy
  energy fleet ask services /mnt/energy --with duckdb
  energy fleet check /mnt/energy --with duckdb
  energy fleet pull service=search --from /mnt/energy --db search.db";

#[cfg(feature = "fleet")]
pub(super) const FLEET_PUSH: &str = "Examples:
  energy fleet push /mnt/energy
  energy fleet push /mnt/energy sky --nodes --spans=1/100
  energy fleet push s3://energy/hosts --follow --every 15m

Each run is one pack of Parquet tables; a run that is being recorded is one
pack for each --every of its time. Prompts and responses are not sent. A pack
is sent once: the recording remembers it, and sending again after a failure
writes the same objects. `energy prune` spares runs that were not sent. Runs
that were pulled are not sent: their host sends them.
Credentials of object stores are read from their usual environment variables.";

#[cfg(feature = "fleet")]
pub(super) const FLEET_PULL: &str = "Examples:
  energy fleet pull service=search --from /mnt/energy --db search.db
  energy fleet pull model=smollm2 since=2026-11-01 --from /mnt/energy

Keys: host_id, host, service, run, name, status, model, precision, engine,
chip, os, version, program_version; since and until are dates of the start.
Pulled runs have totals only, and the tag `pulled`. Pulling again replaces them.
Exit code 3: runs are left out, because objects are missing or damaged.";

#[cfg(feature = "fleet")]
pub(super) const FLEET_COMPACT: &str = "Examples:
  energy fleet compact /mnt/energy
  energy fleet compact s3://energy/hosts --keep 120m

Queries and pulls give the same answers before, during and after it. The objects
that were merged are removed by a later call, --keep after they were merged.";

#[cfg(feature = "fleet")]
pub(super) const FLEET_FORGET: &str = "Examples:
  energy fleet forget /mnt/energy

Runs that were not sent there can be pruned then. What was sent stays known:
pushing there again sends the rest.";

#[cfg(feature = "otlp")]
pub(super) const OTLP: &str = "Examples:
  energy otlp push last http://localhost:4318
  energy otlp follow http://localhost:4318

Collectors receive OTLP over HTTP, usually at port 4318. Copies there are for
dashboards and traces: requests may be lost, which is counted. The recording is
exact.";

#[cfg(feature = "otlp")]
pub(super) const OTLP_PUSH: &str = "Examples:
  energy otlp push last http://localhost:4318
  energy otlp push sky http://localhost:4318 --dry-run
  energy otlp push last http://localhost:4318 --events
  energy otlp push last http://localhost:4318 --header \"x-tenant=blue\"

Ids of spans depend on the recording only: sending a run again makes no second
span. A span belongs to the trace in its field trace_id or traceparent, else to
that of the span around it, else to the trace of the run.";

#[cfg(feature = "otlp")]
pub(super) const OTLP_FOLLOW: &str = "Examples:
  energy otlp follow http://localhost:4318
  energy otlp follow last http://localhost:4318 --from-beginning
  energy otlp follow http://localhost:4318 --events --metrics

Ends with Ctrl-C, or when RUN ends. Sends what happens from now on: a second
follower repeats nothing. `energy otlp push` sends a whole run with the energies
of its newest attribution. If the collector is slow, following waits.";
