-- One row per run: what ran, and its sums over root rails. Tokens and requests are NULL unless they
-- are known for all of the run that is seen: some runs count them per bucket, others at the end. The
-- last bucket alone does not show which. `energy_nj` is measured plus extrapolated energy, NULL
-- unless all root rails are known, with samples for at least half of the time of the run.
WITH packs_of_run AS (
    SELECT host_id, run, count(*) AS buckets, max(complete) AS complete
    FROM counted
    GROUP BY host_id, run),
sums AS (
    SELECT host_id, run, count(*) AS buckets, max(bucket) AS last_bucket, max(host) AS host,
           max(service) AS service, max(model) AS model, max(precision) AS precision,
           max(engine) AS engine, max(chip) AS chip, max(program_version) AS program_version,
           min(date) AS first_date, sum(duration_ns) AS duration_ns,
           sum(requests) AS requests, count(requests) AS request_rows,
           sum(input_tokens) AS input_tokens, count(input_tokens) AS input_rows,
           sum(output_tokens) AS output_tokens, count(output_tokens) AS output_rows
    FROM runs
    GROUP BY host_id, run),
work AS (
    SELECT s.host_id AS host_id, s.run AS run, s.host AS host, s.service AS service,
           s.model AS model, s.precision AS precision, s.engine AS engine, s.chip AS chip,
           s.program_version AS program_version, s.first_date AS first_date,
           s.duration_ns AS duration_ns,
           s.requests AS requests, s.request_rows AS request_rows,
           s.input_tokens AS input_tokens, s.input_rows AS input_rows,
           s.output_tokens AS output_tokens, s.output_rows AS output_rows,
           CASE WHEN p.complete = 1 AND p.buckets = s.buckets THEN 0
                WHEN p.complete = 1 AND s.buckets = 1 AND s.last_bucket + 1 = p.buckets
                THEN s.buckets + 1
                ELSE s.buckets END AS rows_needed
    FROM sums s
    JOIN packs_of_run p ON p.host_id = s.host_id AND p.run = s.run),
rail_sums AS (
    SELECT host_id, run, rail, sum(measured_nj) AS measured_nj, sum(idle_nj) AS idle_nj,
           sum(spans_nj) AS spans_nj, sum(extrapolated_nj) AS extrapolated_nj,
           sum(covered_ns) AS covered_ns, sum(duration_ns) AS duration_ns,
           CASE WHEN count(measured_nj) = count(*) THEN coalesce(sum(covered_ns), 0) ELSE -1 END
               AS known_ns
    FROM accounts
    WHERE root
    GROUP BY host_id, run, rail),
energies AS (
    SELECT host_id, run, sum(measured_nj) AS measured_nj, sum(idle_nj) AS idle_nj,
           sum(spans_nj) AS spans_nj, sum(covered_ns) AS covered_ns,
           sum(duration_ns) AS rail_ns, min(known_ns) AS known_ns,
           sum(measured_nj) + coalesce(sum(extrapolated_nj), 0) AS all_nj
    FROM rail_sums
    GROUP BY host_id, run)
SELECT w.host_id AS host_id, w.run AS run, w.host AS host, w.service AS service, w.model AS model,
       w.precision AS precision, w.engine AS engine, w.chip AS chip,
       w.program_version AS program_version, w.first_date AS first_date,
       w.duration_ns AS duration_ns,
       CASE WHEN w.request_rows >= w.rows_needed THEN w.requests END AS requests,
       CASE WHEN w.input_rows >= w.rows_needed THEN w.input_tokens END AS input_tokens,
       CASE WHEN w.output_rows >= w.rows_needed THEN w.output_tokens END AS output_tokens,
       e.measured_nj AS measured_nj, e.idle_nj AS idle_nj,
       e.spans_nj AS spans_nj, e.covered_ns AS covered_ns, e.rail_ns AS rail_ns,
       CASE WHEN e.known_ns >= 0 AND 2 * e.known_ns >= w.duration_ns THEN e.all_nj END AS energy_nj
FROM work w
LEFT JOIN energies e ON e.host_id = w.host_id AND e.run = w.run
