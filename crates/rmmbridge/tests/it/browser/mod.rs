//! What a person sees and presses in a browser.

mod connect;
mod pages;
