-- Which hub this database is (crates/store/src/instance.rs); one row, named 'hub'. `home` tells the place where an Owner
-- confirmed it, `beat` counts while it works, and `waits` says why it does not, until an Owner confirms it again.
CREATE TABLE instance (
    name      TEXT PRIMARY KEY,
    id        TEXT NOT NULL,
    epoch     BIGINT NOT NULL,
    home      TEXT,
    beat      BIGINT NOT NULL,
    beaten    BIGINT NOT NULL,
    waits     TEXT,
    confirmed BIGINT NOT NULL
);
