-- Keys of programs that use the API. A key is found by `prefix`, the part of it that may be shown, and held against the
-- digest of the whole. `person_id` is whose it is: it goes with them. None: the hub's own.
CREATE TABLE api_key (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    prefix    TEXT NOT NULL UNIQUE,
    digest    TEXT NOT NULL,
    person_id TEXT REFERENCES person (id) ON DELETE CASCADE,
    scopes    TEXT NOT NULL,
    made_by   TEXT NOT NULL,
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    used      BIGINT
);
CREATE INDEX api_key_by_person ON api_key (person_id);
