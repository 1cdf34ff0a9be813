-- Which of several bridges a client's assets come from, where somebody chose. Those of the others stay as they are.
CREATE TABLE client_source (
    destination_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    client_id      TEXT NOT NULL,
    bridge_id      TEXT NOT NULL REFERENCES bridge (id) ON DELETE CASCADE,
    chosen_by      TEXT NOT NULL,
    chosen_at      BIGINT NOT NULL,
    PRIMARY KEY (destination_id, client_id)
);
