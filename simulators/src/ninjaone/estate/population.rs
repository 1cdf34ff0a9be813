//! Makes the devices of an estate.

use super::catalog;
use super::device::{Approval, Device, Lacks, Warranty};
use super::kind::{Kind, SHARES};
use super::names;
use super::organization::{Location, Organization};
use crate::dice::Dice;

/// The day the estate was last looked at by its maker: 2 November 2026, 08:00 UTC, in epoch milliseconds. Everything
/// that does not move daily hangs on it, so that a restart with the same seed shows the same devices.
pub const EPOCH_MS: i64 = 1_793_606_400_000;
pub(super) const DAY_MS: i64 = 86_400_000;
const DAY_S: f64 = 86_400.0;

/// Draws one device after the other, ascending by id.
pub(super) struct Population {
    seed: u64,
    next_id: u32,
    drawn: u64,
    /// Each organization's share of the devices.
    weights: Weights,
    last_agent_seed: u64,
    /// The newest host of each sort with the organization it stands in: guests come after their host.
    hosts: Vec<(Kind, u32, u32)>,
}

/// Cumulated weights, for a draw in logarithmic time.
struct Weights(Vec<u64>);

impl Weights {
    fn new(seed: u64, count: usize) -> Self {
        let mut sum = 0;
        let weights = (0..count).map(|place| {
            // A few large customers, many small ones.
            let rank = Dice::new(seed, 0x7765_6900 + place as u64).below(count as u64);
            sum += 10 + 1000 * 8 / (8 + rank);
            sum
        });
        Self(weights.collect())
    }

    fn draw(&self, dice: &mut Dice) -> usize {
        let at = dice.below(self.0.last().copied().unwrap_or(0));
        self.0.partition_point(|&sum| sum <= at)
    }
}

impl Population {
    pub fn new(seed: u64, organizations: usize) -> Self {
        Self {
            seed,
            next_id: 2,
            drawn: 0,
            weights: Weights::new(seed, organizations),
            last_agent_seed: 0,
            hosts: Vec::new(),
        }
    }

    /// The next device. `present` is the estate's time in milliseconds; `fresh` means that it was just installed.
    pub fn draw(
        &mut self,
        organizations: &[Organization],
        locations: &[Location],
        present: i64,
        fresh: bool,
    ) -> Option<Device> {
        let mut dice = Dice::new(self.seed, 0x6465_7600_0000 + self.drawn);
        self.drawn += 1;
        let organization = organizations.get(self.weights.draw(&mut dice))?;
        // The locations made at the start lie in the order of their organizations; later ones were put at the end.
        let from = if fresh {
            0
        } else {
            locations.partition_point(|site| site.organization < organization.id)
        };
        let own = locations[from..]
            .iter()
            .skip_while(|site| site.organization != organization.id);
        let sites: Vec<&Location> = match fresh {
            true => own.filter(|site| site.organization == organization.id).collect(),
            false => own
                .take_while(|site| site.organization == organization.id)
                .collect(),
        };
        let location = *sites.get(dice.below(sites.len() as u64) as usize)?;
        let id = self.next_id;
        self.next_id += 1 + match dice.below(20) {
            0 => dice.below(40) as u32,
            1..5 => dice.below(4) as u32,
            _ => 0,
        };
        let (kind, parent) = self.kind_and_host(&mut dice, organization.id);
        if matches!(kind, Kind::VmwareHost | Kind::HypervHost) {
            self.hosts.push((kind, organization.id, id));
        }
        let seed = dice.next();
        let serial_seed = match kind.is_agent() && dice.chance(12) && self.last_agent_seed != 0 {
            true => self.last_agent_seed,
            false => seed,
        };
        if kind.is_agent() {
            self.last_agent_seed = seed;
        }
        let age = if fresh { 0 } else { dice.between(3, 1500) as i64 };
        let created = if fresh {
            present
        } else {
            EPOCH_MS - age * DAY_MS - dice.below(80_000_000) as i64
        };
        let offline = dice.chance(if kind.is_agent() { 140 } else { 40 });
        let silent = match offline {
            true => dice.between(3_600_000, 20 * 86_400_000) as i64,
            false => dice.below(600_000) as i64,
        };
        let system_name = host_name(&mut dice, kind, organization, self.drawn);
        Some(Device {
            id,
            seed,
            serial_seed,
            kind,
            approval: Approval::Approved,
            offline: offline && !fresh,
            lacks: lacks(&mut dice, kind),
            organization: organization.id,
            location: location.id,
            role: role(&mut dice, kind),
            policy: dice
                .chance(15)
                .then(|| catalog::default_policy(kind.node_class()))
                .flatten(),
            parent,
            owner: (matches!(kind, Kind::WindowsWorkstation | Kind::Mac) && dice.chance(400))
                .then(|| organization.first_user + dice.below(u64::from(organization.users)) as u32),
            created,
            last_contact: if fresh {
                present
            } else {
                (present - silent).max(created)
            },
            last_update: if fresh {
                present
            } else {
                EPOCH_MS - dice.below(age as u64 * 80_000_000) as i64
            },
            display_name: display_name(&mut dice, kind, &system_name),
            system_name: system_name.into_boxed_str(),
            memory_gib: memory(&mut dice, kind),
            os_updates: dice.below(4) as u8,
            warranty: warranty(&mut dice, kind, created),
            tags: if dice.chance(120) {
                vec![1 + dice.below(4) as u32]
            } else {
                Vec::new()
            },
            user_data: None,
            maintenance: None,
        })
    }

    /// A guest needs a host; without one in its organization it becomes the host itself.
    fn kind_and_host(&self, dice: &mut Dice, organization: u32) -> (Kind, Option<u32>) {
        let kind = SHARES[dice.weighted(&SHARES.map(|(_, share)| share))].0;
        let host = match kind {
            Kind::VmwareGuest => Kind::VmwareHost,
            Kind::HypervGuest => Kind::HypervHost,
            _ => return (kind, None),
        };
        let standing = self
            .hosts
            .iter()
            .rev()
            .find(|&&(sort, place, _)| sort == host && place == organization);
        match standing {
            Some(&(_, _, id)) => (kind, Some(id)),
            None => (host, None),
        }
    }
}

fn lacks(dice: &mut Dice, kind: Kind) -> Lacks {
    let mut missing = |per_mille| kind.is_agent() && dice.chance(per_mille);
    Lacks {
        system: missing(10),
        os: missing(6),
        processors: missing(6),
        volumes: missing(20),
    }
}

fn role(dice: &mut Dice, kind: Kind) -> u32 {
    let custom: &[u32] = match kind {
        Kind::WindowsServer => &[1000, 1000, 1001, 1002],
        Kind::WindowsWorkstation => &[1004, 1004, 1004, 1005, 1009],
        Kind::Mac => &[1010],
        Kind::LinuxServer => &[1013],
        _ => &[],
    };
    match custom.is_empty() || !dice.chance(450) {
        true => catalog::built_in_role(kind.node_class()).unwrap_or(1),
        false => *dice.pick(custom),
    }
}

fn memory(dice: &mut Dice, kind: Kind) -> u16 {
    match kind {
        Kind::WindowsServer | Kind::LinuxServer | Kind::MacServer => *dice.pick(&[16, 32, 32, 64, 128]),
        Kind::VmwareHost | Kind::HypervHost => *dice.pick(&[128, 256, 384, 512]),
        Kind::VmwareGuest | Kind::HypervGuest => *dice.pick(&[4, 8, 16, 32]),
        kind if kind.is_mobile() => *dice.pick(&[4, 6, 8]),
        _ => *dice.pick(&[8, 8, 16, 16, 16, 32]),
    }
}

fn warranty(dice: &mut Dice, kind: Kind, created: i64) -> Option<Warranty> {
    let likely = if kind.is_agent() { 700 } else { 120 };
    if !dice.chance(likely) || kind.is_cloud_monitor() || kind.is_guest() {
        return None;
    }
    let bought = (created / DAY_MS) as f64 * DAY_S - dice.below(60) as f64 * DAY_S;
    let years = *dice.pick(&[1.0, 3.0, 3.0, 3.0, 5.0]);
    Some(Warranty {
        start_date: (!dice.chance(60)).then_some(bought),
        end_date: (!dice.chance(40)).then_some(bought + years * 365.0 * DAY_S),
        manufacturer_fulfillment_date: dice.chance(500).then_some(bought - 12.0 * DAY_S),
    })
}

fn display_name(dice: &mut Dice, kind: Kind, system_name: &str) -> Option<Box<str>> {
    let named = match kind.is_agent() {
        true => dice.chance(180),
        false => dice.chance(600),
    };
    let words: &[&str] = match kind.is_agent() {
        true => &[
            "Reception",
            "Front desk",
            "Boardroom",
            "Till",
            "Server room",
            "Sales",
            "Büro",
            "CEO",
        ],
        false => &["Lobby", "Floor 2", "Rack", "Warehouse", "Canteen", "Hof"],
    };
    named.then(|| format!("{} – {system_name}", dice.pick(words)).into_boxed_str())
}

const BASE36: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// `length` letters and digits.
pub(super) fn letters(dice: &mut Dice, length: usize) -> String {
    (0..length).map(|_| char::from(*dice.pick(BASE36))).collect()
}

fn host_name(dice: &mut Dice, kind: Kind, organization: &Organization, number: u64) -> String {
    let code = &organization.code;
    let count = number % 10_000;
    match kind {
        Kind::WindowsWorkstation => match dice.below(4) {
            0 => format!("DESKTOP-{}", letters(dice, 7)),
            1 => format!("LAPTOP-{}", letters(dice, 8)),
            _ => format!("{code}-WS-{count:04}"),
        },
        Kind::WindowsServer => {
            format!(
                "{code}-{}{:02}",
                dice.pick(&["DC", "SQL", "FS", "APP", "RDS", "EX"]),
                count % 100
            )
        }
        Kind::Mac => format!(
            "{}s-MacBook-{}",
            dice.pick(&names::GIVEN_NAMES),
            dice.pick(&["Pro", "Air"])
        ),
        Kind::MacServer => format!("{code}-MACMINI-{:02}", count % 100),
        Kind::LinuxServer => {
            let code = code.to_ascii_lowercase();
            format!(
                "{code}-{}{:02}",
                dice.pick(&["web", "db", "app", "backup", "proxy"]),
                count % 100
            )
        }
        Kind::LinuxWorkstation => format!("ubuntu-{}", letters(dice, 6).to_ascii_lowercase()),
        Kind::VmwareHost => format!("esx{:02}.{}", count % 100, organization.domain),
        Kind::HypervHost => format!("{code}-HV{:02}", count % 100),
        Kind::VmwareGuest | Kind::HypervGuest => format!("{code}-VM-{count:04}"),
        Kind::CloudPing | Kind::CloudDns | Kind::CloudPort => {
            format!("gw{}.{}", count % 10, organization.domain)
        }
        Kind::CloudHttp => format!("www.{}", organization.domain),
        Kind::CloudEmail => format!("mail.{}", organization.domain),
        Kind::Android => format!("Galaxy-{}", letters(dice, 4)),
        Kind::Iphone => format!("{}s iPhone", dice.pick(&names::GIVEN_NAMES)),
        Kind::Ipad => format!("{}s iPad", dice.pick(&names::GIVEN_NAMES)),
        Kind::Unmanaged => format!(
            "{} {}",
            dice.pick(&["Projector", "Label printer", "Spare laptop"]),
            count % 100
        ),
        Kind::NmsServer => format!("{code}-NMS{:02}", count % 100),
        _ => {
            let class = kind.node_class().trim_start_matches("NMS_").to_ascii_lowercase();
            format!("{class}-{:03}", count % 1000)
        }
    }
}
