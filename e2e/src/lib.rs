//! Flows in a real browser.
