//! Passportal as a destination, against its simulator.

mod contract;
mod faults;
mod keys;
mod quirks;
mod stand;
