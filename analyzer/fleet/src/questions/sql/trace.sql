-- Active energy of one trace in each service, highest first. Columns: service, host_id, host, run,
-- source (requests: with everything below them, of those of the trace the ones in no other one of
-- their run by their call paths, spans: self energies, of runs that sent no requests of the trace),
-- number (of requests or spans), sample_rate (1: all spans, N: one in N was sent, so that energies
-- are a sample), busy_ns (longest span), energy_nj (root rails).
WITH of_trace AS (
    SELECT r.host_id AS host_id, r.run AS run, r.host AS host, r.service AS service,
           r.span AS span, r.kind AS kind, r.duration_ns AS duration_ns, r.energy_nj AS energy_nj
    FROM requests r
    JOIN parameters p ON p.trace_id = r.trace_id
    WHERE r.root),
paths AS (
    SELECT DISTINCT host_id, run, kind
    FROM of_trace),
inner_paths AS (
    SELECT DISTINCT i.host_id AS inner_host, i.run AS inner_run, i.kind AS inner_kind
    FROM paths i
    JOIN paths o ON o.host_id = i.host_id AND o.run = i.run
    WHERE substring(i.kind, 1, length(o.kind) + 3) = concat(o.kind, ' > ')),
wanted_requests AS (
    SELECT r.host_id AS host_id, r.run AS run, r.host AS host, r.service AS service,
           r.span AS span, max(r.duration_ns) AS duration_ns, sum(r.energy_nj) AS energy_nj
    FROM of_trace r
    LEFT JOIN inner_paths i
      ON i.inner_host = r.host_id AND i.inner_run = r.run AND i.inner_kind = r.kind
    WHERE i.inner_run IS NULL
    GROUP BY r.host_id, r.run, r.host, r.service, r.span),
answered AS (
    SELECT DISTINCT host_id AS answered_host, run AS answered_run
    FROM wanted_requests),
wanted_spans AS (
    SELECT s.host_id AS host_id, s.run AS run, s.host AS host, s.service AS service,
           s.span AS span, max(s.duration_ns) AS duration_ns, max(s.sample_rate) AS sample_rate,
           sum(s.self_nj) AS energy_nj
    FROM spans s
    JOIN parameters p ON p.trace_id = s.trace_id
    LEFT JOIN answered a ON a.answered_host = s.host_id AND a.answered_run = s.run
    WHERE s.root AND a.answered_run IS NULL
    GROUP BY s.host_id, s.run, s.host, s.service, s.span),
found AS (
    SELECT service, host_id, host, run, 'requests' AS source, CAST(1 AS BIGINT) AS sample_rate,
           duration_ns, energy_nj AS span_nj
    FROM wanted_requests
    UNION ALL
    SELECT service, host_id, host, run, 'spans' AS source, sample_rate, duration_ns,
           energy_nj AS span_nj
    FROM wanted_spans)
SELECT service, host_id, host, run, source, count(*) AS number, max(sample_rate) AS sample_rate,
       max(duration_ns) AS busy_ns, sum(span_nj) AS energy_nj
FROM found
GROUP BY service, host_id, host, run, source
ORDER BY energy_nj DESC NULLS LAST, service NULLS LAST, host_id, run, source
