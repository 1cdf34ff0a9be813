-- What was taken lately out of the requests an account may be asked, and until when its vendor wants to be left alone:
-- one row for all processes. What is in it is arithmetic and not data: a backup leaves it out.
CREATE TABLE request_budget (
    connection_id TEXT PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
    body          TEXT NOT NULL
);
