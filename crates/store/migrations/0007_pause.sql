-- The switch that stops all writes: one row while they are paused, none while they are not.
CREATE TABLE write_pause (
    id        BIGINT PRIMARY KEY,
    reason    TEXT NOT NULL,
    paused_by TEXT NOT NULL,
    since     BIGINT NOT NULL
);

-- Whether a waiting job goes on by itself once writing is allowed again.
ALTER TABLE job ADD COLUMN waits_for_writes BOOLEAN;
