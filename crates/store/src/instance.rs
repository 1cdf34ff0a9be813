//! Which hub this is, and whether it is the one that works.
//!
//! Two hubs with the same grants and links would take each other's tokens away and write every record twice; a hub set
//! back to last week would create again what it has created since. So a database that was restored or copied, and a
//! data directory that was, *waits*: it shows what it holds, and neither refreshes tokens nor reads nor writes
//! anything outside until an Owner confirms it ([`Store::confirm_instance`]).
//!
//! How it is noticed:
//! - The database has an id, an *epoch* that each confirmation moves on, and its *home*: the server's own identity and
//!   the database's number there, or the machine and the path of SQLite's file. A copy finds itself elsewhere.
//! - Each installation has a marker file in its data directory, with the id, the epoch, and the place of the
//!   directory. A copied directory finds itself elsewhere; one left behind by a confirmation has an old epoch.
//! - While it works the database counts (`beat`), and markers follow. A database whose count is behind a marker's was
//!   set back; this is written into it, so that all its workers wait.
//! - `rmmbridge restore` writes that it restored.
//!
//! Workers on other machines share one PostgreSQL, each with a data directory of its own. Joining takes two things: the
//! master key, without which the store does not open, and a data directory without a marker, which then gets one. An
//! installation whose marker does not fit never joins by itself. The marker is not authenticated: who can write to the
//! data directory can read the key file in it as well.
//!
//! Not noticed: a virtual machine cloned as a whole, and the database and the data directory of one place set back
//! together. Both look the same from inside; docs/backup.md says so.

use crate::audit::Note;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::json::micros;
use crate::open::Store;
use crate::rotation_file::replace_private;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The marker's name in the data directory.
const MARKER: &str = "instance.json";
/// How often the database counts, in microseconds: often enough that a set-back database shows, seldom enough that it
/// costs nothing.
const BEAT: i64 = 60_000_000;
/// No hub counts so far: a marker that says more was damaged, and counting on from it would overflow.
const MOST: i64 = i64::MAX / 2;

/// Where this program is installed.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The data directory; it exists.
    pub data_dir: PathBuf,
    /// What tells this machine from others and stays the same over restarts; empty when nothing does.
    pub machine: String,
}

/// What a process knows about its own place.
#[derive(Debug)]
pub(crate) struct Installed {
    marker: PathBuf,
    /// Machine and data directory.
    place: String,
    /// Where the database is.
    home: String,
}

/// Which hub this is, as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Counts confirmations.
    pub epoch: i64,
    /// Why it waits for an Owner; `None` when it works.
    pub waits: Option<String>,
}

#[derive(Clone, Debug)]
struct Stored {
    id: String,
    epoch: i64,
    home: Option<String>,
    beat: i64,
    beaten: i64,
    waits: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    instance: String,
    epoch: i64,
    beat: i64,
    place: String,
}

/// What a look at the database and the marker shows.
struct Look {
    stored: Stored,
    marker: Option<Marker>,
    waits: Option<Waits>,
}

/// Why it waits.
enum Waits {
    /// The database says so, or is at another place than where it was confirmed.
    Database(String),
    /// The database is behind the marker, which it has to be told.
    SetBack(String),
    /// Only this installation does.
    Here(String),
}

impl Waits {
    fn reason(&self) -> &str {
        match self {
            Self::Database(reason) | Self::SetBack(reason) | Self::Here(reason) => reason,
        }
    }
}

impl Store {
    /// Gives a database that has none an identity.
    pub(crate) async fn be_an_instance(&self) -> Result<()> {
        let mut conn = self.read().await?;
        let there = fetch_optional!(conn, (String,), "SELECT id FROM instance WHERE name = 'hub'")?;
        drop(conn);
        if there.is_some() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        execute!(
            tx,
            "INSERT INTO instance (name, id, epoch, beat, beaten, confirmed) VALUES ('hub', $1, 1, 0, 0, $2)
             ON CONFLICT (name) DO NOTHING",
            self.new_id().to_string(),
            micros(self.clock.now())
        )?;
        tx.commit().await
    }

    /// This store as the one of an installation: it takes notice of being restored, copied or set back.
    ///
    /// # Errors
    /// When the data directory or the database fails.
    pub async fn installed(mut self, installation: &Installation) -> Result<Self> {
        let stored = self.stored_instance().await?;
        let data_dir = canonical(&installation.data_dir)?;
        let home = match &self.db {
            Db::Sqlite { read, .. } => {
                let options = read.connect_options();
                let file = canonical(options.get_filename())?;
                format!("sqlite/{}/{}", installation.machine, file.display())
            }
            Db::Postgres(_) => self.server_identity().await?,
        };
        let place = format!("{}/{}", installation.machine, data_dir.display());
        let installed = Installed {
            marker: data_dir.join(MARKER),
            place: fingerprint(&stored.id, &place),
            home: fingerprint(&stored.id, &home),
        };
        if stored.home.is_none() && stored.waits.is_none() {
            let mut tx = self.write().await?;
            execute!(
                tx,
                "UPDATE instance SET home = $1 WHERE name = 'hub' AND home IS NULL AND waits IS NULL",
                installed.home.as_str()
            )?;
            tx.commit().await?;
        }
        self.installed = Some(Arc::new(installed));
        self.look().await?;
        Ok(self)
    }

    /// Which hub this is.
    ///
    /// # Errors
    /// When the data directory or the database fails.
    pub async fn instance(&self) -> Result<Instance> {
        let look = self.look().await?;
        Ok(Instance {
            id: look.stored.id,
            epoch: look.stored.epoch,
            waits: look.waits.map(|waits| waits.reason().to_owned()),
        })
    }

    /// Refuses what only the one working hub may do.
    ///
    /// # Errors
    /// [`Error::Unconfirmed`] with what was noticed, or when the data directory or the database fails.
    pub async fn require_confirmed_instance(&self) -> Result<()> {
        let look = self.look().await?;
        if let Some(waits) = look.waits {
            return Err(Error::Unconfirmed {
                reason: waits.reason().to_owned(),
            });
        }
        let now = micros(self.clock.now());
        // A clock that was put back counts too.
        if (now - look.stored.beaten).unsigned_abs() >= BEAT.unsigned_abs() {
            let mut tx = self.write().await?;
            execute!(
                tx,
                "UPDATE instance SET beat = beat + 1, beaten = $1
                 WHERE name = 'hub' AND epoch = $2 AND beat = $3 AND waits IS NULL",
                now,
                look.stored.epoch,
                look.stored.beat
            )?;
            tx.commit().await?;
            self.look().await?;
        }
        Ok(())
    }

    /// An Owner says that this is the one. Where only this installation waited it joins the others; where the database
    /// did, a new epoch begins and every other installation has to be confirmed too.
    ///
    /// # Errors
    /// [`Error::Moved`] when somebody else confirmed it at the same moment, or when the data directory or the database
    /// fails.
    pub async fn confirm_instance(&self) -> Result<Instance> {
        let look = self.look().await?;
        if let Some(Waits::Database(_) | Waits::SetBack(_)) = &look.waits {
            let (epoch, beat) = beyond(&look.stored, look.marker.as_ref());
            let mut tx = self.write().await?;
            let moved = execute!(
                tx,
                "UPDATE instance SET epoch = $1, beat = $2, home = $3, waits = NULL, confirmed = $4
                 WHERE name = 'hub' AND epoch = $5",
                epoch,
                beat,
                self.installed.as_ref().map(|installed| installed.home.as_str()),
                micros(self.clock.now()),
                look.stored.epoch
            )?;
            if moved == 0 {
                return Err(Error::Moved {
                    what: "the instance".to_owned(),
                });
            }
            let note = Note::new("instance.confirmed", look.stored.id.as_str());
            self.note(&mut tx, &[note]).await?;
            tx.commit().await?;
        }
        let stored = self.stored_instance().await?;
        if let Some(installed) = &self.installed {
            installed.write(&stored, &self.new_id().to_string())?;
        }
        self.instance().await
    }

    async fn stored_instance(&self) -> Result<Stored> {
        type Row = (String, i64, Option<String>, i64, i64, Option<String>);
        let mut conn = self.read().await?;
        let row = fetch_optional!(
            conn,
            Row,
            "SELECT id, epoch, home, beat, beaten, waits FROM instance WHERE name = 'hub'"
        )?;
        let (id, epoch, home, beat, beaten, waits) = row.ok_or_else(|| Error::Missing {
            what: "row of the table",
            name: "instance".to_owned(),
        })?;
        Ok(Stored {
            id,
            epoch,
            home,
            beat,
            beaten,
            waits,
        })
    }

    /// Compares database, marker and place, tells the database when it was set back, and lets the marker follow.
    async fn look(&self) -> Result<Look> {
        // The marker first: the database can only be further on by the time it is read.
        let marker = match &self.installed {
            Some(installed) => installed.read()?,
            None => None,
        };
        let stored = self.stored_instance().await?;
        let waits = match (&stored.waits, &self.installed) {
            (Some(reason), _) => Some(Waits::Database(reason.clone())),
            (None, None) => None,
            (None, Some(installed)) => installed.judge(&stored, marker.as_ref()),
        };
        match (&waits, &self.installed) {
            (None, Some(installed)) => {
                let behind = |marker: &Marker| marker.epoch < stored.epoch || marker.beat < stored.beat;
                if marker.as_ref().is_none_or(behind) {
                    installed.write(&stored, &self.new_id().to_string())?;
                }
            }
            (Some(Waits::SetBack(reason)), _) => {
                let mut tx = self.write().await?;
                execute!(
                    tx,
                    "UPDATE instance SET waits = $1 WHERE name = 'hub' AND epoch = $2 AND waits IS NULL",
                    reason.as_str(),
                    stored.epoch
                )?;
                tx.commit().await?;
            }
            _ => {}
        }
        Ok(Look {
            stored,
            marker,
            waits,
        })
    }

    /// What tells this PostgreSQL database from its copies: the cluster's identifier and the database's number in it.
    async fn server_identity(&self) -> Result<String> {
        let mut conn = self.read().await?;
        // Some hosted servers keep the identifier to themselves; the number is what is left then.
        let allowed = fetch_optional!(
            conn,
            (bool,),
            "SELECT has_function_privilege('pg_control_system()', 'execute')"
        )?;
        let sql = if allowed == Some((true,)) {
            "SELECT (SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()) || '/' || CAST(oid AS TEXT)
             FROM pg_database WHERE datname = current_database()"
        } else {
            "SELECT CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database()"
        };
        let row = fetch_optional!(conn, (String,), sql)?;
        Ok(format!("postgres/{}", row.map(|(id,)| id).unwrap_or_default()))
    }
}

impl Installed {
    fn judge(&self, stored: &Stored, marker: Option<&Marker>) -> Option<Waits> {
        if stored.home.as_deref() != Some(self.home.as_str()) {
            return Some(Waits::Database(
                "this database was copied from, or has moved from, the place where it was confirmed"
                    .to_owned(),
            ));
        }
        let marker = marker?;
        let here = |reason: String| Some(Waits::Here(reason));
        let file = self.marker.display();
        if marker.instance != stored.id {
            here(format!(
                "its data directory belongs to another hub than its database (`{file}` names {}, the database is {})",
                marker.instance, stored.id
            ))
        } else if marker.epoch > stored.epoch || (marker.epoch == stored.epoch && marker.beat > stored.beat) {
            Some(Waits::SetBack(format!(
                "this database was set back to an earlier state (`{file}` has seen a later one)"
            )))
        } else if marker.place != self.place {
            here("its data directory was copied or moved from another place".to_owned())
        } else if marker.epoch < stored.epoch {
            here(
                "the hub was restored or moved, and confirmed elsewhere, since this installation worked"
                    .to_owned(),
            )
        } else {
            None
        }
    }

    fn read(&self) -> Result<Option<Marker>> {
        match std::fs::read(&self.marker) {
            Ok(bytes) => Ok(Some(understood(&bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn write(&self, stored: &Stored, tag: &str) -> Result<()> {
        let marker = Marker {
            instance: stored.id.clone(),
            epoch: stored.epoch,
            beat: stored.beat,
            place: self.place.clone(),
        };
        let text = crate::json::text("marker of the instance", &marker)?;
        replace_private(&self.marker, text.as_bytes(), tag).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::DataDirectory {
            path: self.marker.clone(),
            source,
        }
    }
}

/// What a marker's bytes say. One that cannot be understood is one that does not fit.
fn understood(bytes: &[u8]) -> Marker {
    let counted = |number: i64| (0..=MOST).contains(&number);
    serde_json::from_slice(bytes)
        .ok()
        .filter(|marker: &Marker| counted(marker.epoch) && counted(marker.beat))
        .unwrap_or_else(|| Marker {
            instance: "nothing readable".to_owned(),
            epoch: 0,
            beat: 0,
            place: String::new(),
        })
}

/// Epoch and beat of a database that an Owner confirms: further than its own, and than those of a marker that is its own.
fn beyond(stored: &Stored, marker: Option<&Marker>) -> (i64, i64) {
    let marker = marker.filter(|marker| marker.instance == stored.id);
    let (epoch, beat) = marker.map_or((0, 0), |marker| (marker.epoch, marker.beat));
    (epoch.max(stored.epoch) + 1, beat.max(stored.beat) + 1)
}

/// Holds a marker against a database, for fuzzing (`fuzz/`) alone: only one that says what the database says fits, and from
/// whatever it says a confirmation goes on.
pub(crate) fn fuzz_marker(bytes: &[u8]) {
    let marker = understood(bytes);
    let stored = Stored {
        id: "hub".to_owned(),
        epoch: 3,
        home: Some("home".to_owned()),
        beat: 7,
        beaten: 0,
        waits: None,
    };
    let installed = Installed {
        marker: PathBuf::from(MARKER),
        place: "place".to_owned(),
        home: "home".to_owned(),
    };
    match installed.judge(&stored, Some(&marker)) {
        Some(waits) => assert!(!waits.reason().is_empty(), "it says why: {marker:?}"),
        None => assert!(
            (marker.instance.as_str(), marker.epoch, marker.place.as_str()) == ("hub", 3, "place")
                && marker.beat <= stored.beat,
            "it fits: {marker:?}"
        ),
    }
    let (epoch, beat) = beyond(&stored, Some(&marker));
    assert!(epoch > stored.epoch && beat > stored.beat, "{marker:?}");
    let written = serde_json::to_vec(&marker).unwrap_or_default();
    assert_eq!(understood(&written), marker, "it is read as it was written");
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|source| Error::DataDirectory {
        path: path.to_owned(),
        source,
    })
}

/// A place as it is stored: neither a machine's identity nor a path has any business in a backup.
fn fingerprint(instance: &str, place: &str) -> String {
    let digest = Sha256::digest(format!("rmmbridge place/{instance}/{place}"));
    digest[..16].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
