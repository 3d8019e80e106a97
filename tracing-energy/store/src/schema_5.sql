-- Version 5: metrics of spans.

-- Fractional numbers that a program reports for a span, in events whose target is
-- `span_metrics` or ends in `::span_metrics`. `fields` holds all fields of the event.
CREATE VIEW span_metrics AS
SELECT m.run, m.seq AS mark, m.time_ns, m.run << 40 | m.span AS span, s.node,
       (SELECT l.label FROM nodes l WHERE l.run = m.run AND l.id = n.layer) AS layer,
       (SELECT l.label FROM nodes l WHERE l.run = m.run AND l.id = n.component) AS component,
       json_extract(m.json, '$.head') AS head,
       f.key AS metric, f.value, m.json AS fields
FROM runs r
CROSS JOIN callsites c ON c.run = r.no
     AND (c.target = 'span_metrics' OR c.target LIKE '%::span\_metrics' ESCAPE '\')
CROSS JOIN marks m ON m.run = r.no AND m.callsite = c.id
CROSS JOIN json_each(m.json) f ON f.type = 'real'
LEFT JOIN spans s ON s.id = m.run << 40 | m.span
LEFT JOIN nodes n ON n.run = m.run AND n.id = s.node;
