//! What a person sees and presses in a browser.

mod connect;
mod humanizeit;
mod pages;
mod passportal;
mod people;
