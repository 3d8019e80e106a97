-- Change of the energy per request, token and span entry of each service between sides a and b: dates,
-- versions of the program, or both. Columns: service, unit (request, token, span entry), kind, role
-- (of an operation, else NULL), a_count, b_count, a_nj, b_nj (active energy of operations, total
-- energy otherwise), a_j_per_unit, b_j_per_unit, change (b over a, minus 1), difference_j (b minus a,
-- times b_count: what the change costs).
-- Runs count for requests and tokens by the date on which they begin.
WITH operations AS (
    SELECT k.service AS service, k.kind AS kind, k.role AS role, k.host_id AS host_id,
           k.run AS run, k.bucket AS bucket, k.date AS date,
           t.program_version AS program_version, max(k.activations) AS units,
           sum(k.self_nj) AS energy_nj
    FROM kinds k
    LEFT JOIN run_totals t ON t.host_id = k.host_id AND t.run = k.run
    WHERE k.root
    GROUP BY k.service, k.kind, k.role, k.host_id, k.run, k.bucket, k.date, t.program_version),
measured AS (
    SELECT service, place, unit, nullif('', '') AS kind, nullif('', '') AS role,
           first_date AS date, program_version,
           CASE WHEN place = 1 THEN requests ELSE input_tokens + output_tokens END AS units,
           energy_nj
    FROM run_totals
    CROSS JOIN (SELECT 1 AS place, 'request' AS unit
                UNION ALL
                SELECT 2 AS place, 'token' AS unit) AS counted_units
    UNION ALL
    SELECT service, 3 AS place, 'span entry' AS unit, kind, role, date, program_version, units,
           energy_nj
    FROM operations),
sided AS (
    SELECT m.service AS service, m.place AS place, m.unit AS unit, m.kind AS kind, m.role AS role,
           m.units AS units, m.energy_nj AS energy_nj,
           CASE WHEN (p.a_since IS NULL OR m.date >= p.a_since)
                 AND (p.a_until IS NULL OR m.date <= p.a_until)
                 AND (p.a_version IS NULL OR m.program_version = p.a_version)
                THEN 1 ELSE 0 END AS in_a,
           CASE WHEN (p.b_since IS NULL OR m.date >= p.b_since)
                 AND (p.b_until IS NULL OR m.date <= p.b_until)
                 AND (p.b_version IS NULL OR m.program_version = p.b_version)
                THEN 1 ELSE 0 END AS in_b
    FROM measured m
    CROSS JOIN parameters p
    WHERE m.units IS NOT NULL AND m.energy_nj IS NOT NULL),
sums AS (
    SELECT service, place, unit, kind, role,
           sum(CASE WHEN in_a = 1 THEN units END) AS a_count,
           sum(CASE WHEN in_b = 1 THEN units END) AS b_count,
           sum(CASE WHEN in_a = 1 THEN energy_nj END) AS a_nj,
           sum(CASE WHEN in_b = 1 THEN energy_nj END) AS b_nj
    FROM sided
    WHERE in_a = 1 OR in_b = 1
    GROUP BY service, place, unit, kind, role),
priced AS (
    SELECT service, place, unit, kind, role, a_count, b_count, a_nj, b_nj,
           ratio(joules(a_nj), a_count) AS a_j_per_unit,
           ratio(joules(b_nj), b_count) AS b_j_per_unit
    FROM sums)
SELECT service, unit, kind, role, a_count, b_count, a_nj, b_nj, a_j_per_unit, b_j_per_unit,
       ratio(b_j_per_unit - a_j_per_unit, a_j_per_unit) AS change,
       (b_j_per_unit - a_j_per_unit) * b_count AS difference_j
FROM priced
ORDER BY service NULLS LAST, place, difference_j DESC NULLS LAST, kind, role NULLS LAST
