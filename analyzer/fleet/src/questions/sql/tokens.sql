-- Energy per token of each model, precision and chip, lowest first. Columns: model, precision, chip,
-- hosts, runs (numbers), input_tokens, output_tokens, energy_nj (runs with known tokens and energy),
-- j_per_token (of the sums), j_per_output_token, median_j_per_token (of the runs).
WITH known AS (
    SELECT model, precision, chip, host_id, run, input_tokens, output_tokens, energy_nj,
           ratio(joules(energy_nj), input_tokens + output_tokens) AS j_per_token
    FROM run_totals
    WHERE model IS NOT NULL AND energy_nj IS NOT NULL AND input_tokens + output_tokens > 0),
ranked AS (
    SELECT model, precision, chip, j_per_token,
           row_number() OVER (PARTITION BY model, precision, chip
                              ORDER BY j_per_token, host_id, run) AS place,
           count(*) OVER (PARTITION BY model, precision, chip) AS number
    FROM known),
medians AS (
    SELECT model, precision, chip, avg(j_per_token) AS median_j_per_token
    FROM ranked
    WHERE 2 * place BETWEEN number AND number + 2
    GROUP BY model, precision, chip),
sums AS (
    SELECT model, precision, chip, count(DISTINCT host_id) AS hosts, count(*) AS runs,
           sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
           sum(energy_nj) AS energy_nj
    FROM known
    GROUP BY model, precision, chip)
SELECT s.model AS model, s.precision AS precision, s.chip AS chip, s.hosts AS hosts,
       s.runs AS runs, s.input_tokens AS input_tokens, s.output_tokens AS output_tokens,
       s.energy_nj AS energy_nj,
       ratio(joules(s.energy_nj), s.input_tokens + s.output_tokens) AS j_per_token,
       ratio(joules(s.energy_nj), s.output_tokens) AS j_per_output_token,
       m.median_j_per_token AS median_j_per_token
FROM sums s
JOIN medians m
  ON m.model = s.model
 AND coalesce(m.precision, '') = coalesce(s.precision, '')
 AND coalesce(m.chip, '') = coalesce(s.chip, '')
ORDER BY j_per_token, model, precision NULLS LAST, chip NULLS LAST
