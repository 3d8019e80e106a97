-- One row per pack: the name of its objects.
SELECT DISTINCT host_id, run, attribution, bucket, file
FROM packs_sent
