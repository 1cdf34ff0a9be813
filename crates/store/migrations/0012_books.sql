-- Every run keeps items of its own, so that its counts are those of its items whatever a later run of the same plan finds
-- out. What an operation came to is its item that is done, or else its newest.
CREATE TABLE run_item_of (
    run_id    TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    plan_id   TEXT NOT NULL,
    number    BIGINT NOT NULL,
    state     TEXT NOT NULL,
    detail    TEXT NOT NULL,
    updated   BIGINT NOT NULL,
    undone_by TEXT,
    PRIMARY KEY (run_id, number)
);
INSERT INTO run_item_of (run_id, plan_id, number, state, detail, updated, undone_by)
SELECT run_id, plan_id, number, state, detail, updated, undone_by FROM run_item;
DROP TABLE run_item;
ALTER TABLE run_item_of RENAME TO run_item;
CREATE INDEX run_item_by_plan ON run_item (plan_id, number);
CREATE INDEX run_item_not_done ON run_item (run_id) WHERE state <> 'done';

-- Attempts that were in doubt already when the claim was taken for the one it names, the oldest first, as lines of
-- run, plan and number: which of them arrived is told by what stands in the destination.
ALTER TABLE write_claim ADD COLUMN earlier TEXT;
