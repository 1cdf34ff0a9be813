//! Pages that need no program of ours: those of the simulators.

mod browser;
