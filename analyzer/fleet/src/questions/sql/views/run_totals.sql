-- One row per run: what ran, and its sums over root rails. Tokens and requests are NULL unless they
-- are known for all of the run that is seen: some runs count them per bucket, others at the end.
-- `energy_nj` is measured plus extrapolated energy, NULL unless all root rails are known, with
-- samples for at least half of the time.
WITH packs_of_run AS (
    SELECT host_id, run, count(*) AS buckets, max(CASE WHEN final THEN 1 ELSE 0 END) AS has_final
    FROM packs
    WHERE table_name = 'runs'
    GROUP BY host_id, run),
sums AS (
    SELECT host_id, run, count(*) AS buckets, max(host) AS host, max(service) AS service,
           max(model) AS model, max(precision) AS precision, max(engine) AS engine,
           max(chip) AS chip, max(program_version) AS program_version, min(date) AS first_date,
           sum(duration_ns) AS duration_ns,
           sum(requests) AS requests, count(requests) AS request_rows,
           sum(input_tokens) AS input_tokens, count(input_tokens) AS input_rows,
           sum(output_tokens) AS output_tokens, count(output_tokens) AS output_rows
    FROM runs
    GROUP BY host_id, run),
work AS (
    SELECT s.host_id AS host_id, s.run AS run, s.host AS host, s.service AS service,
           s.model AS model, s.precision AS precision, s.engine AS engine, s.chip AS chip,
           s.program_version AS program_version, s.first_date AS first_date,
           s.duration_ns AS duration_ns, s.buckets AS buckets,
           s.requests AS requests, s.request_rows AS request_rows,
           s.input_tokens AS input_tokens, s.input_rows AS input_rows,
           s.output_tokens AS output_tokens, s.output_rows AS output_rows,
           CASE WHEN p.has_final = 1 AND p.buckets = s.buckets THEN 1 ELSE 0 END AS is_whole
    FROM sums s
    JOIN packs_of_run p ON p.host_id = s.host_id AND p.run = s.run),
rails AS (
    SELECT host_id, run, rail, sum(measured_nj) AS measured_nj, sum(idle_nj) AS idle_nj,
           sum(spans_nj) AS spans_nj, sum(extrapolated_nj) AS extrapolated_nj,
           sum(covered_ns) AS covered_ns, sum(duration_ns) AS duration_ns,
           CASE WHEN count(measured_nj) = count(*) AND 2 * sum(covered_ns) >= sum(duration_ns)
                THEN 1 ELSE 0 END AS known
    FROM accounts
    WHERE root
    GROUP BY host_id, run, rail),
energies AS (
    SELECT host_id, run, sum(measured_nj) AS measured_nj, sum(idle_nj) AS idle_nj,
           sum(spans_nj) AS spans_nj, sum(covered_ns) AS covered_ns,
           sum(duration_ns) AS rail_ns,
           CASE WHEN min(known) = 1
                THEN sum(measured_nj) + coalesce(sum(extrapolated_nj), 0) END AS energy_nj
    FROM rails
    GROUP BY host_id, run)
SELECT w.host_id AS host_id, w.run AS run, w.host AS host, w.service AS service, w.model AS model,
       w.precision AS precision, w.engine AS engine, w.chip AS chip,
       w.program_version AS program_version, w.first_date AS first_date,
       w.duration_ns AS duration_ns,
       CASE WHEN w.is_whole = 1 OR w.request_rows = w.buckets THEN w.requests END AS requests,
       CASE WHEN w.is_whole = 1 OR w.input_rows = w.buckets THEN w.input_tokens END AS input_tokens,
       CASE WHEN w.is_whole = 1 OR w.output_rows = w.buckets THEN w.output_tokens END
           AS output_tokens,
       e.measured_nj AS measured_nj, e.idle_nj AS idle_nj,
       e.spans_nj AS spans_nj, e.covered_ns AS covered_ns, e.rail_ns AS rail_ns,
       e.energy_nj AS energy_nj
FROM work w
LEFT JOIN energies e ON e.host_id = w.host_id AND e.run = w.run
