-- One text for SQLite and PostgreSQL: TEXT, BIGINT, BOOLEAN, BYTEA only; times are microseconds since 1970,
-- ids and JSON are TEXT. Applied migrations are never changed (CONTRIBUTING.md, "Add a table").

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE connection (
    id                  TEXT PRIMARY KEY,
    kind                TEXT NOT NULL,
    name                TEXT NOT NULL UNIQUE,
    state               TEXT NOT NULL,
    settings            TEXT NOT NULL,
    read_only           BOOLEAN NOT NULL,
    allow_private_hosts BOOLEAN NOT NULL,
    created             BIGINT NOT NULL,
    last_success        BIGINT,
    version             BIGINT NOT NULL,
    snapshot_id         TEXT
);

-- Sealed with a key of its own, which the master key wraps (crates/store/src/vault.rs).
CREATE TABLE secret (
    owner_id TEXT NOT NULL,
    name     TEXT NOT NULL,
    key_id   TEXT NOT NULL,
    wrapped  BYTEA NOT NULL,
    sealed   BYTEA NOT NULL,
    updated  BIGINT NOT NULL,
    PRIMARY KEY (owner_id, name)
);

-- The token pair of a connection, and whose turn it is to refresh it.
CREATE TABLE connection_grant (
    connection_id  TEXT PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
    version        BIGINT NOT NULL,
    refresh_holder TEXT,
    refresh_until  BIGINT
);

CREATE TABLE source_snapshot (
    id            TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    organization  TEXT,
    started       BIGINT NOT NULL,
    finished      BIGINT NOT NULL,
    devices       BIGINT NOT NULL,
    requests      BIGINT NOT NULL,
    rows_written  BIGINT NOT NULL
);

CREATE TABLE source_organization (
    connection_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    description   TEXT,
    PRIMARY KEY (connection_id, id)
);

CREATE TABLE source_location (
    connection_id   TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    id              TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    name            TEXT NOT NULL,
    PRIMARY KEY (connection_id, id)
);

CREATE TABLE source_role (
    connection_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    PRIMARY KEY (connection_id, id)
);

-- A device row changes only when its digest does. Absence is counted in complete snapshots.
CREATE TABLE source_device (
    connection_id    TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    id               TEXT NOT NULL,
    uid              TEXT,
    organization_id  TEXT NOT NULL,
    digest           BYTEA NOT NULL,
    raw              TEXT NOT NULL,
    absent_since     BIGINT,
    absent_snapshots BIGINT NOT NULL,
    PRIMARY KEY (connection_id, id)
);
-- Holds all that planning asks of a device but its text, which would be read through the whole table otherwise.
CREATE INDEX source_device_by_organization
    ON source_device (connection_id, organization_id, id, digest, uid, absent_since, absent_snapshots);

-- Changed devices of a pass that is not complete yet and outgrew memory; merged when it is.
CREATE TABLE source_device_pending (
    connection_id   TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    id              TEXT NOT NULL,
    uid             TEXT,
    organization_id TEXT NOT NULL,
    digest          BYTEA NOT NULL,
    raw             TEXT NOT NULL,
    PRIMARY KEY (connection_id, id)
);

-- What moves at every contact, for all devices of a connection in one row.
CREATE TABLE source_contact (
    connection_id TEXT PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
    body          TEXT NOT NULL
);

CREATE TABLE bridge (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL UNIQUE,
    source_id      TEXT NOT NULL REFERENCES connection (id),
    destination_id TEXT NOT NULL REFERENCES connection (id),
    preset         TEXT NOT NULL,
    settings       TEXT NOT NULL,
    generation     BIGINT NOT NULL
);

CREATE TABLE decision (
    bridge_id       TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL,
    verdict         TEXT NOT NULL,
    decided_by      TEXT NOT NULL,
    decided_at      BIGINT NOT NULL,
    PRIMARY KEY (bridge_id, organization_id)
);

-- The remembered identity. `written` holds, per field, the last value we wrote, when and by which run.
CREATE TABLE link (
    bridge_id      TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    kind           TEXT NOT NULL,
    source_id      TEXT NOT NULL,
    destination_id TEXT NOT NULL,
    written        TEXT NOT NULL,
    updated        BIGINT NOT NULL,
    PRIMARY KEY (bridge_id, kind, source_id)
);
CREATE UNIQUE INDEX link_asset_once ON link (bridge_id, destination_id) WHERE kind = 'asset';
CREATE INDEX link_by_destination ON link (bridge_id, kind, destination_id);

-- A device seen through a bridge's mapping, valid for one digest of the device and one of the mapping.
CREATE TABLE device_projection (
    bridge_id TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    device_id TEXT NOT NULL,
    digest    BYTEA NOT NULL,
    mapping   BYTEA NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (bridge_id, device_id)
);

CREATE TABLE plan (
    id          TEXT PRIMARY KEY,
    bridge_id   TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    snapshot_id TEXT NOT NULL,
    generation  BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    counts      TEXT NOT NULL,
    warnings    TEXT NOT NULL,
    ready       BOOLEAN NOT NULL
);
CREATE INDEX plan_by_bridge ON plan (bridge_id, created);

CREATE TABLE plan_operation (
    plan_id   TEXT NOT NULL REFERENCES plan (id) ON DELETE CASCADE,
    number    BIGINT NOT NULL,
    action    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    source_id TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (plan_id, number)
);

CREATE TABLE run (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL,
    connection_id TEXT,
    bridge_id     TEXT,
    plan_id       TEXT,
    state         TEXT NOT NULL,
    reason        TEXT,
    actor         TEXT NOT NULL,
    started       BIGINT NOT NULL,
    finished      BIGINT,
    counts        TEXT NOT NULL
);
CREATE INDEX run_by_start ON run (started);

-- One row for each operation that was begun: `intended` is committed before anything is sent.
CREATE TABLE run_item (
    run_id  TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    plan_id TEXT NOT NULL,
    number  BIGINT NOT NULL,
    state   TEXT NOT NULL,
    detail  TEXT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (plan_id, number)
);
CREATE INDEX run_item_by_run ON run_item (run_id);

-- Who holds the right to run jobs on this database.
CREATE TABLE lease (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until  BIGINT NOT NULL
);

-- The built-in registry.

CREATE TABLE registry_client (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    source_id TEXT,
    marker    TEXT UNIQUE,
    created   BIGINT NOT NULL
);
CREATE INDEX registry_client_by_name ON registry_client (name);

CREATE TABLE registry_site (
    id        TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES registry_client (id),
    name      TEXT NOT NULL,
    marker    TEXT UNIQUE,
    created   BIGINT NOT NULL
);
CREATE INDEX registry_site_by_client ON registry_site (client_id);

CREATE TABLE registry_contact (
    id        TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES registry_client (id),
    name      TEXT NOT NULL,
    email     TEXT,
    phone     TEXT,
    created   BIGINT NOT NULL
);

CREATE TABLE registry_asset_group (
    id   TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE registry_asset_type (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL,
    group_id TEXT REFERENCES registry_asset_group (id),
    marker   TEXT UNIQUE
);

-- Custom fields; the built-in ones are a table in crates/store/src/registry/fields.rs.
CREATE TABLE registry_field (
    key        TEXT PRIMARY KEY,
    label      TEXT NOT NULL,
    field_type TEXT NOT NULL
);

CREATE TABLE registry_asset (
    id        TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES registry_client (id),
    site_id   TEXT REFERENCES registry_site (id),
    type_id   TEXT REFERENCES registry_asset_type (id),
    source_id TEXT,
    marker    TEXT UNIQUE,
    name      TEXT NOT NULL,
    serial    TEXT NOT NULL,
    search    TEXT NOT NULL, -- name and serial in lower case: the engines' own lower() knows ASCII only
    fields    TEXT NOT NULL,
    archived  BIGINT,
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL,
    version   BIGINT NOT NULL
);
CREATE INDEX registry_asset_by_client ON registry_asset (client_id, id);
