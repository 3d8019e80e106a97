-- Energy per token of each model, precision and chip, lowest first. Columns: model, precision, chip,
-- hosts, runs (numbers), input_tokens, output_tokens, energy_nj (of the measured work, as in
-- `energy runs`, of runs with known tokens and energy), j_per_token (of the sums),
-- j_per_output_token (all energy over generated tokens), median_j_per_token (of the runs).
WITH known AS (
    SELECT t.model AS model, t.precision AS precision, t.chip AS chip, t.host_id AS host_id,
           t.run AS run, t.input_tokens AS input_tokens, t.output_tokens AS output_tokens,
           w.work_nj AS energy_nj,
           ratio(joules(w.work_nj), t.input_tokens + t.output_tokens) AS j
    FROM run_totals t
    JOIN run_work w ON w.host_id = t.host_id AND w.run = t.run
    WHERE t.model IS NOT NULL AND w.work_nj IS NOT NULL AND t.input_tokens + t.output_tokens > 0),
ranked AS (
    SELECT model, precision, chip, host_id, input_tokens, output_tokens, energy_nj, j,
           row_number() OVER (PARTITION BY model, precision, chip ORDER BY j, host_id, run) AS place,
           count(*) OVER (PARTITION BY model, precision, chip) AS number
    FROM known),
sums AS (
    SELECT model, precision, chip, count(DISTINCT host_id) AS hosts, count(*) AS runs,
           sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
           sum(energy_nj) AS energy_nj,
           avg(CASE WHEN 2 * place BETWEEN number AND number + 2 THEN j END) AS median_j_per_token
    FROM ranked
    GROUP BY model, precision, chip)
SELECT model, precision, chip, hosts, runs, input_tokens, output_tokens, energy_nj,
       ratio(joules(energy_nj), input_tokens + output_tokens) AS j_per_token,
       ratio(joules(energy_nj), output_tokens) AS j_per_output_token, median_j_per_token
FROM sums
ORDER BY j_per_token, model, precision NULLS LAST, chip NULLS LAST
