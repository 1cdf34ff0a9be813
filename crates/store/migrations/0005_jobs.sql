-- Who runs a run: it is abandoned when nothing renews the holder's lease any more.
ALTER TABLE run ADD COLUMN holder TEXT;

-- When a bridge is synced, or only planned, without anybody asking. One tick is one job, whoever notices it.
CREATE TABLE schedule (
    id        TEXT PRIMARY KEY,
    bridge_id TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    what      TEXT NOT NULL,
    cron      TEXT NOT NULL,
    zone      TEXT NOT NULL,
    enabled   BOOLEAN NOT NULL,
    paused    TEXT,
    last_tick BIGINT NOT NULL,
    UNIQUE (bridge_id, what)
);

-- What is to be done, by whoever works for this database. The queue's own tables only carry the word that a job is
-- due; `delivery` counts those words, and only the newest one may start the job.
CREATE TABLE job (
    id            TEXT PRIMARY KEY,
    key           TEXT NOT NULL UNIQUE,
    kind          TEXT NOT NULL,
    arguments     TEXT NOT NULL,
    bridge_id     TEXT,
    connection_id TEXT,
    actor         TEXT NOT NULL,
    state         TEXT NOT NULL,
    delivery      BIGINT NOT NULL,
    attempt       BIGINT NOT NULL,
    due           BIGINT NOT NULL,
    waits_for     TEXT,
    reason        TEXT,
    progress      TEXT,
    result        TEXT,
    run_id        TEXT,
    holder        TEXT,
    created       BIGINT NOT NULL,
    started       BIGINT,
    finished      BIGINT
);
CREATE INDEX job_by_state ON job (state, due);
CREATE INDEX job_by_bridge ON job (bridge_id, state);
