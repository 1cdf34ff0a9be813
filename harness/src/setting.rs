//! What every mode begins with: a hub of its own, the world outside it, and the program on its data.

use crate::chance::Chance;
use crate::child::Program;
use crate::hub::Hub;
use crate::scene::World;
use crate::working::Stage;
use std::path::Path;

/// A hub of its own, its world, and the program on its data. A mode says what is special about it.
pub struct Setting {
    /// The hub's data, opened beside the program's processes.
    pub hub: Hub,
    /// What is outside.
    pub world: World,
    /// The program on the hub's data.
    pub program: Program,
}

impl Setting {
    /// An empty hub in `data_dir`, or in the database at `address`, and so many estates of so many devices each.
    ///
    /// # Errors
    /// When the program was not built, the world does not start, or the hub cannot be opened.
    pub async fn new(
        data_dir: &Path,
        address: Option<String>,
        estates: u64,
        devices: usize,
        chance: &mut Chance,
    ) -> anyhow::Result<Self> {
        let program = Program::beside(data_dir, address.clone())?;
        let world = World::start(estates, devices, chance.draw()).await?;
        let hub = Hub::open(data_dir, address.as_deref()).await?;
        Ok(Self { hub, world, program })
    }

    /// The same, joined to its world: nothing is left to be said before the first sync.
    ///
    /// # Errors
    /// As [`Setting::new`] and [`Setting::join`].
    pub async fn joined(
        data_dir: &Path,
        address: Option<String>,
        estates: u64,
        devices: usize,
        chance: &mut Chance,
    ) -> anyhow::Result<Self> {
        let mut setting = Self::new(data_dir, address, estates, devices, chance).await?;
        setting.join().await?;
        Ok(setting)
    }

    /// Joins the hub to its world: a bridge for each estate, read once, every organization to become a client.
    ///
    /// # Errors
    /// When one side does not answer as it should.
    pub async fn join(&mut self) -> anyhow::Result<()> {
        self.hub.set_up(&self.world).await
    }

    /// What is done to the program is done on it.
    pub fn stage(&self) -> Stage<'_> {
        Stage {
            hub: &self.hub,
            world: &self.world,
            program: &self.program,
        }
    }

    /// Closes the hub's data: from here on the program's processes are alone with it.
    pub async fn close(&self) {
        self.hub.store.close().await;
    }

    /// Opens the hub's data again.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn reopen(&mut self) -> anyhow::Result<()> {
        let mut hub = Hub::open(&self.hub.data_dir, self.program.database.as_deref()).await?;
        hub.bridges = std::mem::take(&mut self.hub.bridges);
        hub.to_registry = self.hub.to_registry;
        hub.batch = self.hub.batch;
        hub.quota = self.hub.quota;
        self.hub = hub;
        Ok(())
    }
}
