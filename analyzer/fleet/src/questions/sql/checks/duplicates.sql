-- Packs of which two versions exist: manifests with different rows or sums, or two in one object.
WITH manifests AS (
    SELECT host_id, host, run, attribution, bucket, table_name, date, file, rows AS number,
           coalesce(sum_nj, 0) AS sum_nj
    FROM packs_raw),
in_object AS (
    SELECT host_id, max(host) AS host, run, attribution, bucket, table_name, max(date) AS date,
           file, count(*) AS manifests, min(number) AS number, min(sum_nj) AS sum_nj
    FROM manifests
    GROUP BY host_id, run, attribution, bucket, table_name, file),
packed AS (
    SELECT host_id, max(host) AS host, run, attribution, bucket, table_name, max(date) AS date,
           max(file) AS file, max(manifests) AS manifests,
           count(DISTINCT concat('', number, '/', sum_nj)) AS versions
    FROM in_object
    GROUP BY host_id, run, attribution, bucket, table_name)
SELECT CASE WHEN manifests > 1 THEN 'object has the pack twice'
            ELSE 'two objects have different versions of the pack' END AS problem,
       host_id, host, run, attribution, bucket,
       concat('v1/packs/date=', date, '/', file) AS object, nullif('', '') AS rail,
       concat('1 version of ', table_name) AS expected,
       concat('', CASE WHEN manifests > 1 THEN manifests ELSE versions END) AS found
FROM packed
WHERE manifests > 1 OR versions > 1
ORDER BY object, expected
