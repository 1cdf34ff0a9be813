-- Who did what, in the order it was done. Each row's hash covers the row before it and a key that is not in this
-- table, so that a changed, missing or added row shows (crates/store/src/audit.rs). Rows are never changed.
CREATE TABLE audit_entry (
    seq     BIGINT PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL,
    hash    BYTEA NOT NULL
);

-- The last of them: one row, which also makes writers take turns.
CREATE TABLE audit_head (
    id   BIGINT PRIMARY KEY,
    seq  BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');
