-- How far the count of plans and runs was when a link was last written. A failure of its record in a run that began
-- before is over, whatever the clocks said.
ALTER TABLE link ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
UPDATE link SET turn = updated;
