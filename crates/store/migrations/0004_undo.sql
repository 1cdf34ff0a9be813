-- Undo: which run a plan or a run takes back, and which operations were taken back by which run.
ALTER TABLE plan ADD COLUMN undoes TEXT;
ALTER TABLE run ADD COLUMN undoes TEXT;
ALTER TABLE run_item ADD COLUMN undone_by TEXT;

-- Why a bridge's schedule is paused.
ALTER TABLE bridge ADD COLUMN paused TEXT;

-- Source records whose writes were undone: they are not written again before a person releases them.
CREATE TABLE undone (
    bridge_id      TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    kind           TEXT NOT NULL,
    source_id      TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    run_id         TEXT NOT NULL,
    undone_by      TEXT NOT NULL,
    undone_at      BIGINT NOT NULL,
    released_by    TEXT,
    released_at    BIGINT,
    PRIMARY KEY (bridge_id, kind, source_id)
);
