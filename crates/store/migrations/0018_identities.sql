-- Accounts at an identity provider: the subject of an issuer is one person, who has one account there. The address is what
-- the provider said when they were joined, for people to know it again; nothing is decided by it.
CREATE TABLE identity (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    email     TEXT,
    linked    BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (person_id, issuer)
);

-- A sign-in on its way through a provider: finished once, by the browser session that began it. With a person it links
-- their account instead. Its nonce and verifier are sealed in `secret`.
CREATE TABLE provider_sign_in (
    state     TEXT PRIMARY KEY,
    session   TEXT NOT NULL,
    issuer    TEXT NOT NULL,
    redirect  TEXT NOT NULL,
    person_id TEXT REFERENCES person (id) ON DELETE CASCADE,
    expires   BIGINT NOT NULL
);
