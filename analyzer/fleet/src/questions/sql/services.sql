-- Energy of each service, highest first, service NULL: runs without the tag. Columns: service, hosts,
-- runs, requests, tokens (numbers, where they are known), measured_nj, idle_nj, spans_nj (root rails),
-- j_per_request, j_per_token (energy of runs with a known number over that number). The energy is that
-- of whole runs, with the time between requests: `tokens` has that of the measured work.
-- Each run counts all energy of its host, so that services that are recorded at the same time on one
-- host count it once each: see hosts.sql.
WITH sums AS (
    SELECT service, count(DISTINCT host_id) AS hosts, count(*) AS runs, sum(requests) AS requests,
           sum(input_tokens + output_tokens) AS tokens, sum(measured_nj) AS measured_nj,
           sum(idle_nj) AS idle_nj, sum(spans_nj) AS spans_nj,
           sum(CASE WHEN energy_nj IS NOT NULL THEN requests END) AS paid_requests,
           sum(CASE WHEN requests IS NOT NULL THEN energy_nj END) AS request_nj,
           sum(CASE WHEN energy_nj IS NOT NULL THEN input_tokens + output_tokens END)
               AS paid_tokens,
           sum(CASE WHEN input_tokens + output_tokens IS NOT NULL THEN energy_nj END) AS token_nj
    FROM run_totals
    GROUP BY service)
SELECT service, hosts, runs, requests, tokens, measured_nj, idle_nj, spans_nj,
       ratio(joules(request_nj), paid_requests) AS j_per_request,
       ratio(joules(token_nj), paid_tokens) AS j_per_token
FROM sums
ORDER BY measured_nj DESC NULLS LAST, service NULLS LAST
