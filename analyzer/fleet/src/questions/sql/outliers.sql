-- Hosts whose energy per request differs from that of hosts with the same service, model, chip and
-- version of the program, farthest first (|z| to six digits). Columns: service, model, chip,
-- program_version, host_id, host, hosts (number in the group), requests, energy_nj, j_per_request,
-- median_j_per_request (of the hosts in the group), z (robust: distance from the median over 1.4826
-- times the median distance). Groups of fewer than five hosts have no outliers. Lists hosts with |z|
-- of at least `threshold`.
WITH hosts AS (
    SELECT service, model, chip, program_version, host_id, max(host) AS host,
           sum(requests) AS requests, sum(energy_nj) AS energy_nj,
           ratio(joules(sum(energy_nj)), sum(requests)) AS j
    FROM run_totals
    WHERE energy_nj IS NOT NULL AND requests > 0
    GROUP BY service, model, chip, program_version, host_id),
keyed AS (
    SELECT concat(coalesce(service, ''), '|', coalesce(model, ''), '|', coalesce(chip, ''), '|',
                  coalesce(program_version, '')) AS comparable,
           service, model, chip, program_version, host_id, host, requests, energy_nj, j
    FROM hosts),
placed AS (
    SELECT comparable, j, row_number() OVER (PARTITION BY comparable ORDER BY j, host_id) AS place,
           count(*) OVER (PARTITION BY comparable) AS number
    FROM keyed),
medians AS (
    SELECT comparable, max(number) AS number, avg(j) AS median_j
    FROM placed
    WHERE 2 * place BETWEEN number AND number + 2
    GROUP BY comparable),
distances AS (
    SELECT k.comparable AS comparable, abs(k.j - m.median_j) AS distance,
           row_number() OVER (PARTITION BY k.comparable
                              ORDER BY abs(k.j - m.median_j), k.host_id) AS place,
           m.number AS number
    FROM keyed k
    JOIN medians m ON m.comparable = k.comparable),
spreads AS (
    SELECT comparable, avg(distance) AS spread
    FROM distances
    WHERE 2 * place BETWEEN number AND number + 2
    GROUP BY comparable),
scored AS (
    SELECT k.service AS service, k.model AS model, k.chip AS chip,
           k.program_version AS program_version, k.host_id AS host_id, k.host AS host,
           m.number AS hosts, k.requests AS requests, k.energy_nj AS energy_nj,
           k.j AS j_per_request, m.median_j AS median_j_per_request,
           ratio(k.j - m.median_j, 1.4826 * d.spread) AS z
    FROM keyed k
    JOIN medians m ON m.comparable = k.comparable
    JOIN spreads d ON d.comparable = k.comparable
    WHERE m.number >= 5)
SELECT service, model, chip, program_version, host_id, host, hosts, requests, energy_nj,
       j_per_request, median_j_per_request, z
FROM scored
CROSS JOIN parameters
WHERE abs(z) >= threshold
ORDER BY round(abs(z), 6) DESC, host_id, service NULLS LAST, model NULLS LAST, program_version NULLS LAST
