-- The second factor of a person: codes of an app (RFC 6238), whose key is sealed in `secret`. `step` is the last one a code
-- was taken for: none is taken twice.
CREATE TABLE second_factor (
    person_id TEXT PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
    since     BIGINT NOT NULL,
    step      BIGINT NOT NULL
);

-- Codes for whoever lost theirs, each good once. Their digests.
CREATE TABLE recovery_code (
    person_id TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    digest    TEXT NOT NULL,
    PRIMARY KEY (person_id, digest)
);

-- The audit log is looked at by what was done, and by when the master key was made.
CREATE INDEX audit_entry_by_action ON audit_entry (action, seq);
