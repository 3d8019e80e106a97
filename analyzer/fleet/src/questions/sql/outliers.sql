-- Hosts whose energy per request differs from that of hosts with the same service, model, chip and
-- version of the program, farthest first (|z| to six digits). Columns: service, model, chip,
-- program_version, host_id, host, hosts (number in the group), requests, energy_nj, j_per_request,
-- median_j_per_request (of the hosts in the group), z (robust: distance from the median over 1.4826
-- times the median distance). Groups of fewer than five hosts have no outliers. Lists hosts with |z|
-- of at least `threshold`. Medians are the mean of the middle rows of a group.
WITH hosts AS (
    SELECT service, model, chip, program_version, host_id, max(host) AS host,
           sum(requests) AS requests, sum(energy_nj) AS energy_nj,
           ratio(joules(sum(energy_nj)), sum(requests)) AS j
    FROM run_totals
    WHERE energy_nj IS NOT NULL AND requests > 0
    GROUP BY service, model, chip, program_version, host_id),
placed AS (
    SELECT service, model, chip, program_version, host_id, host, requests, energy_nj, j,
           row_number() OVER (PARTITION BY service, model, chip, program_version
                              ORDER BY j, host_id) AS place,
           count(*) OVER (PARTITION BY service, model, chip, program_version) AS number
    FROM hosts),
centred AS (
    SELECT service, model, chip, program_version, host_id, host, requests, energy_nj, j, number,
           avg(CASE WHEN 2 * place BETWEEN number AND number + 2 THEN j END)
               OVER (PARTITION BY service, model, chip, program_version) AS median_j
    FROM placed),
distances AS (
    SELECT service, model, chip, program_version, host_id, host, requests, energy_nj, j, number,
           median_j, abs(j - median_j) AS distance,
           row_number() OVER (PARTITION BY service, model, chip, program_version
                              ORDER BY abs(j - median_j), host_id) AS place
    FROM centred),
spreads AS (
    SELECT service, model, chip, program_version, host_id, host, requests, energy_nj, j, number,
           median_j,
           avg(CASE WHEN 2 * place BETWEEN number AND number + 2 THEN distance END)
               OVER (PARTITION BY service, model, chip, program_version) AS spread
    FROM distances),
scored AS (
    SELECT service, model, chip, program_version, host_id, host, number AS hosts, requests,
           energy_nj, j AS j_per_request, median_j AS median_j_per_request,
           ratio(j - median_j, 1.4826 * spread) AS z
    FROM spreads
    WHERE number >= 5)
SELECT service, model, chip, program_version, host_id, host, hosts, requests, energy_nj,
       j_per_request, median_j_per_request, z
FROM scored
CROSS JOIN parameters
WHERE abs(z) >= threshold
ORDER BY round(abs(z), 6) DESC, host_id, service NULLS LAST, model NULLS LAST, program_version NULLS LAST
