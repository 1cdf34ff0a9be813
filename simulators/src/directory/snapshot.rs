//! Keeps the records in a file over a restart.

use std::fs;
use std::io;
use std::path::Path;

use super::records::State;

/// The records of a file, or none when it does not exist.
pub(super) fn load(file: &Path) -> io::Result<State> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            io::Error::other(format!(
                "{} is no snapshot of a directory: {error}",
                file.display()
            ))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::default()),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", file.display()),
        )),
    }
}

/// Replaces the file as a whole.
pub(super) fn save(file: &Path, state: &State) -> io::Result<()> {
    let beside = file.with_extension("new");
    fs::write(&beside, serde_json::to_vec(state)?)?;
    fs::rename(&beside, file)
}
