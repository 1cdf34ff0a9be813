-- In what order plans and runs began. Times do not tell: a clock that is set back has the newer ones begin before the
-- older. What was there goes on in the order of its times.
CREATE TABLE turn_count (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    last BIGINT NOT NULL
);
INSERT INTO turn_count (id, last)
SELECT 1, COALESCE(MAX(began.at), 0)
FROM (SELECT created AS at FROM plan UNION ALL SELECT started AS at FROM run) AS began;

ALTER TABLE plan ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
UPDATE plan SET turn = created;
DROP INDEX plan_by_bridge;
CREATE INDEX plan_by_turn ON plan (bridge_id, turn);

ALTER TABLE run ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
UPDATE run SET turn = started;
CREATE INDEX run_by_turn ON run (turn);
CREATE INDEX run_by_bridge ON run (bridge_id, turn);
