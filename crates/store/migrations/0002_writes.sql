-- One row for each destination record we ever wrote or meant to write. Whoever writes it next moves `version` on, and
-- only one can: two workers that want the same record, or one that slept through the other's work, cannot both send.
-- `sent_at` is set while an outcome is not known; `settles` is how long after it the write may still arrive.
CREATE TABLE write_claim (
    destination_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    marker         TEXT NOT NULL,
    version        BIGINT NOT NULL,
    sent_at        BIGINT,
    sent_boot      TEXT,
    sent_up        BIGINT,
    settles        BIGINT NOT NULL,
    run_id         TEXT,
    plan_id        TEXT,
    number         BIGINT,
    PRIMARY KEY (destination_id, marker)
);
CREATE INDEX write_claim_open ON write_claim (destination_id, sent_at) WHERE sent_at IS NOT NULL;

-- What was begun before this table stood is in doubt until it was looked up.
INSERT INTO write_claim (destination_id, marker, version, sent_at, settles, run_id, plan_id, number)
SELECT b.destination_id, b.source_id || '/' || o.kind || '/' || o.source_id, 1, MAX(i.updated), 600000000,
       MAX(i.run_id), MAX(i.plan_id), MAX(i.number)
FROM run_item i
JOIN plan p ON p.id = i.plan_id
JOIN bridge b ON b.id = p.bridge_id
JOIN plan_operation o ON o.plan_id = i.plan_id AND o.number = i.number
WHERE i.state IN ('intended', 'unknown')
GROUP BY b.destination_id, b.source_id, o.kind, o.source_id;

DELETE FROM run_item WHERE state = 'intended';
