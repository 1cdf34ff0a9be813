//! What a person sees and presses in a browser.

mod connect;
mod every_page;
mod humanizeit;
mod identity;
mod pages;
mod passportal;
mod passportal_connection;
mod people;
mod populated;
mod questions;
mod walk;
