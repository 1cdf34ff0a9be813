-- Who may sign in. `name` is what they sign in with, folded; `password` is an Argon2id string, none until one was chosen.
CREATE TABLE person (
    id       TEXT PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    role     TEXT NOT NULL,
    password TEXT,
    disabled BOOLEAN NOT NULL,
    created  BIGINT NOT NULL,
    seen     BIGINT,
    version  BIGINT NOT NULL
);

-- Tokens that work once: set-up, a sign-in link. Only their digests are here, so that a stolen database opens nothing.
CREATE TABLE one_time_token (
    digest    TEXT PRIMARY KEY,
    purpose   TEXT NOT NULL,
    person_id TEXT REFERENCES person (id) ON DELETE CASCADE,
    expires   BIGINT NOT NULL
);

-- Browsers that are signed in, or have typed something before they were. Again the digest of what their cookie holds.
CREATE TABLE web_session (
    digest    TEXT PRIMARY KEY,
    person_id TEXT REFERENCES person (id) ON DELETE CASCADE,
    data      TEXT NOT NULL,
    created   BIGINT NOT NULL,
    seen      BIGINT NOT NULL
);
CREATE INDEX web_session_by_person ON web_session (person_id);

-- Failed sign-ins, by whom and from where; who fails often waits.
CREATE TABLE sign_in_failure (
    key      TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last     BIGINT NOT NULL
);

-- A consent under way in a browser: it can be finished once, by the session that began it, for the account it was begun
-- with. Its verifier is sealed in `secret`.
CREATE TABLE consent (
    state         TEXT PRIMARY KEY,
    session       TEXT NOT NULL,
    connection_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    account       TEXT NOT NULL,
    redirect      TEXT NOT NULL,
    expires       BIGINT NOT NULL
);
