-- What people decided about single records: those that are left alone, and whose value stands where both sides changed
-- a field. Both hold until somebody takes them back; a decided conflict only for these two values.
CREATE TABLE ignored (
    bridge_id  TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL,
    source_id  TEXT NOT NULL,
    label      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    ignored_by TEXT NOT NULL,
    ignored_at BIGINT NOT NULL,
    PRIMARY KEY (bridge_id, kind, source_id)
);

CREATE TABLE conflict_decision (
    bridge_id         TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    device_id         TEXT NOT NULL,
    field             TEXT NOT NULL,
    verdict           TEXT NOT NULL,
    source_value      TEXT NOT NULL,
    destination_value TEXT NOT NULL,
    decided_by        TEXT NOT NULL,
    decided_at        BIGINT NOT NULL,
    PRIMARY KEY (bridge_id, device_id, field)
);

-- Differences between the two sides that a person accepted. `side` says whose id `record_id` is; a difference of a
-- whole record has the field ''.
CREATE TABLE accepted_difference (
    bridge_id         TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    side              TEXT NOT NULL,
    kind              TEXT NOT NULL,
    record_id         TEXT NOT NULL,
    field             TEXT NOT NULL,
    source_value      TEXT NOT NULL,
    destination_value TEXT NOT NULL,
    reason            TEXT NOT NULL,
    accepted_by       TEXT NOT NULL,
    accepted_at       BIGINT NOT NULL,
    PRIMARY KEY (bridge_id, side, kind, record_id, field)
);

-- Assets of linked clients that a plan found to be no device's.
CREATE TABLE plan_unlinked_asset (
    plan_id      TEXT NOT NULL REFERENCES plan (id) ON DELETE CASCADE,
    asset_id     TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    client_label TEXT NOT NULL,
    label        TEXT NOT NULL,
    PRIMARY KEY (plan_id, asset_id)
);

-- Names under which bridges created clients, sites and asset types in a destination, each with the place in the
-- destination's count of such creations. A plan remembers how far the count was before it read the destination, so
-- that it is known whether it could see what another bridge created.
CREATE TABLE created_name (
    destination_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    kind           TEXT NOT NULL,
    parent         TEXT NOT NULL,
    name           TEXT NOT NULL,
    marker         TEXT NOT NULL,
    bridge_id      TEXT NOT NULL,
    seq            BIGINT NOT NULL,
    PRIMARY KEY (destination_id, kind, parent, name)
);
CREATE INDEX created_name_by_marker ON created_name (destination_id, marker);

CREATE TABLE created_name_count (
    destination_id TEXT PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
    seq            BIGINT NOT NULL
);

-- What part of the bridge a plan is limited to, and how far the count above was when it was begun.
ALTER TABLE plan ADD COLUMN about TEXT;
ALTER TABLE plan ADD COLUMN names_seen BIGINT NOT NULL DEFAULT 0;

-- How far the count was when a person decided about an organization.
ALTER TABLE decision ADD COLUMN names_seen BIGINT NOT NULL DEFAULT 0;

-- How many workers in a row ended before the job did.
ALTER TABLE job ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;

-- Items that did not end well are few, and asked for together.
CREATE INDEX run_item_not_done ON run_item (run_id) WHERE state <> 'done';
