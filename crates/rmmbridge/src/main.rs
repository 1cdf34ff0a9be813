//! The binary: [`rmmbridge::run`] with the product's connectors.

use std::process::ExitCode;

// Many small texts are made and dropped while devices are read.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rmmbridge::run(rmmbridge::Build::default())
}
