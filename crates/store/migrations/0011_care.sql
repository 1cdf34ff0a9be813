-- How what is watched stands: a bridge, a connection, the audit log, this hub. `told` is what was last said about it, so
-- that the same is never said twice; what there is to say is queued in the transaction that changes the state.
CREATE TABLE health (
    subject TEXT PRIMARY KEY,
    state   TEXT NOT NULL,
    why     TEXT,
    since   BIGINT NOT NULL,
    watched BIGINT NOT NULL,
    told    TEXT,
    version BIGINT NOT NULL
);

-- Where notifications go. Addresses that are secrets, passwords and signing keys are in `secret`, by the channel's id.
CREATE TABLE notify_channel (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    events   TEXT NOT NULL,
    created  BIGINT NOT NULL
);

-- What is to be said to whom. Whoever sends one moves `attempt` on first, and only one can.
CREATE TABLE notification (
    id         TEXT PRIMARY KEY,
    channel_id TEXT NOT NULL REFERENCES notify_channel (id) ON DELETE CASCADE,
    event      TEXT NOT NULL,
    state      TEXT NOT NULL,
    attempt    BIGINT NOT NULL,
    due        BIGINT NOT NULL,
    created    BIGINT NOT NULL,
    finished   BIGINT,
    reason     TEXT
);
CREATE INDEX notification_by_state ON notification (state, due);

-- Plans whose rows were forgotten, with those of their runs; counts stay. Below zero while
-- some are left.
ALTER TABLE plan ADD COLUMN forgotten BIGINT;
CREATE INDEX plan_by_age ON plan (created);

-- When a schedule was set: its bridge's data is measured from then on, where it is older.
ALTER TABLE schedule ADD COLUMN since BIGINT;
