-- What did not end well is looked for in every run, and is hardly ever much of it.
CREATE INDEX run_item_in_trouble ON run_item (run_id, number) WHERE state <> 'done';
