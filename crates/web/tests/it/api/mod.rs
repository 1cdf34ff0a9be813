//! The REST API, driven by its own document: a client that knows nothing but `docs/openapi.json` calls every operation, and
//! every answer is held against its schema.

mod bent;
mod client;
mod keys;
mod operations;
mod refusals;
