-- What a plan is looked through by: the name of the client as its operation has it, and what one searches by, in small
-- letters. Missing in plans of earlier versions, which are searched as they are written.
ALTER TABLE plan_operation ADD COLUMN client TEXT;
ALTER TABLE plan_operation ADD COLUMN search TEXT;
-- A page of a plan is found without reading the operations before it.
CREATE INDEX plan_operation_by_number ON plan_operation (plan_id, number, action);

-- Operations a person took out of a plan, and how often that changed: whoever applies the plan says what they saw.
CREATE TABLE plan_deselected (
    plan_id TEXT NOT NULL REFERENCES plan (id) ON DELETE CASCADE,
    number  BIGINT NOT NULL,
    PRIMARY KEY (plan_id, number)
);
ALTER TABLE plan ADD COLUMN selection BIGINT NOT NULL DEFAULT 0;

-- Who asked a job to stop.
ALTER TABLE job ADD COLUMN stop_asked TEXT;

-- Views of a list that people keep under a name.
CREATE TABLE saved_view (
    person_id TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    list      TEXT NOT NULL,
    name      TEXT NOT NULL,
    query     TEXT NOT NULL,
    PRIMARY KEY (person_id, list, name)
);
