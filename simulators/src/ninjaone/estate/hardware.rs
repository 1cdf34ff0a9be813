//! What a device is made of, derived from its seed whenever it is asked for.

use std::borrow::Cow;

use super::device::Device;
use super::kind::Kind;
use super::population::{DAY_MS, EPOCH_MS, letters};
use crate::dice::Dice;

const GIB: i64 = 1 << 30;

/// A maker with its models.
type Maker = (&'static str, &'static [&'static str]);

const PC_MAKERS: [Maker; 6] = [
    (
        "Dell Inc.",
        &[
            "OptiPlex 7090",
            "Latitude 5540",
            "Precision 3660",
            "OptiPlex 3000",
        ],
    ),
    (
        "HP",
        &[
            "HP EliteBook 840 14 inch G10",
            "HP ProDesk 400 G7",
            "HP EliteDesk 800 G6",
        ],
    ),
    ("LENOVO", &["21HDCTO1WW", "11T9S0KD00", "20Y3CTO1WW"]),
    ("Microsoft Corporation", &["Surface Pro 9", "Surface Laptop 5"]),
    (
        "ASUSTeK COMPUTER INC.",
        &["ExpertBook B1502", "System Product Name"],
    ),
    ("Gigabyte Technology Co., Ltd.", &["B660M DS3H"]),
];
const SERVER_MAKERS: [Maker; 5] = [
    ("Dell Inc.", &["PowerEdge R650", "PowerEdge T350"]),
    ("HPE", &["ProLiant DL380 Gen10", "ProLiant ML350 Gen10"]),
    ("VMware, Inc.", &["VMware Virtual Platform", "VMware7,1"]),
    ("Microsoft Corporation", &["Virtual Machine"]),
    ("QEMU", &["Standard PC (Q35 + ICH9, 2009)"]),
];
const MAC_MAKERS: [Maker; 1] = [(
    "Apple Inc.",
    &["MacBookPro18,3", "MacBookAir10,1", "Mac14,2", "Macmini9,1"],
)];
const PHONE_MAKERS: [Maker; 1] = [("samsung", &["SM-S911B", "SM-A546B"])];

/// Serial numbers that say nothing, as found in the field.
pub const PLACEHOLDER_SERIALS: [&str; 9] = [
    "None",
    "Chassis Serial Number",
    "0",
    "To Be Filled By O.E.M.",
    "System Serial Number",
    "SystemSerialNumber",
    "0123456789",
    "123456789",
    "Default string",
];

/// The machine itself.
pub struct Chassis {
    /// `system.manufacturer`
    pub manufacturer: &'static str,
    /// `system.model`
    pub model: &'static str,
    /// Whether it is a virtual machine.
    pub is_virtual: bool,
    /// `system.serialNumber`
    pub serial: Option<Cow<'static, str>>,
    /// `system.biosSerialNumber`
    pub bios_serial: Option<Cow<'static, str>>,
    /// Number of processor sockets.
    pub sockets: u8,
}

/// The chassis of an agent, host or phone.
pub fn chassis(device: &Device) -> Chassis {
    let mut dice = Dice::new(device.seed, 0x6368_6173);
    let makers: &[Maker] = match device.kind {
        Kind::Mac | Kind::MacServer | Kind::Iphone | Kind::Ipad => &MAC_MAKERS,
        Kind::WindowsServer | Kind::LinuxServer => &SERVER_MAKERS,
        Kind::VmwareHost | Kind::HypervHost => &SERVER_MAKERS[..2],
        Kind::Android => &PHONE_MAKERS,
        _ => &PC_MAKERS,
    };
    let (manufacturer, models) = *dice.pick(makers);
    let model = *dice.pick(models);
    let is_virtual =
        manufacturer.starts_with("VMware") || manufacturer == "QEMU" || model == "Virtual Machine";
    let (serial, bios_serial) = serials(device, manufacturer);
    let sockets = if device.kind == Kind::WindowsServer {
        dice.between(1, 2) as u8
    } else {
        1
    };
    Chassis {
        manufacturer,
        model,
        is_virtual,
        serial,
        bios_serial,
        sockets,
    }
}

/// The two serial numbers: usually the same, sometimes blank, a placeholder or missing.
fn serials(device: &Device, manufacturer: &str) -> (Option<Cow<'static, str>>, Option<Cow<'static, str>>) {
    let mut dice = Dice::new(device.serial_seed, 0x7365_7269);
    let real: Cow<'static, str> = match manufacturer {
        "Dell Inc." => letters(&mut dice, 7).into(),
        "VMware, Inc." => {
            let bytes = dice.next().to_be_bytes().map(|byte| format!("{byte:02x}"));
            format!("VMware-{}", bytes.join(" ")).into()
        }
        "Microsoft Corporation" => {
            let mut group = || dice.below(10_000);
            format!(
                "{:04}-{:04}-{:04}-{:04}-{:04}",
                group(),
                group(),
                group(),
                group(),
                group()
            )
            .into()
        }
        _ => letters(&mut dice, 10).into(),
    };
    let placeholder = || Cow::Borrowed(PLACEHOLDER_SERIALS[(device.seed % 9) as usize]);
    match dice.below(100) {
        0..3 => (Some(placeholder()), Some(placeholder())),
        3 => (Some(placeholder()), Some(real)),
        4 => (Some("".into()), Some("".into())),
        5 => (Some("".into()), Some(real)),
        6 => (None, Some(real)),
        7 => (None, None),
        _ => (Some(real.clone()), Some(real)),
    }
}

/// A processor model.
pub struct Processor {
    /// `name`
    pub name: &'static str,
    /// Hertz.
    pub clock: i64,
    /// Cores.
    pub cores: i64,
    /// Threads.
    pub threads: i64,
    /// `architecture`
    pub architecture: &'static str,
}

const fn cpu(
    name: &'static str,
    mhz: i64,
    cores: i64,
    threads: i64,
    architecture: &'static str,
) -> Processor {
    Processor {
        name,
        clock: mhz * 1_000_000,
        cores,
        threads,
        architecture,
    }
}

static PC_CPUS: [Processor; 6] = [
    cpu("12th Gen Intel(R) Core(TM) i5-1245U", 1600, 10, 12, "x64"),
    cpu("Intel(R) Core(TM) i7-10700 CPU @ 2.90GHz", 2904, 8, 16, "x64"),
    cpu("Intel(R) Core(TM) i5-8500 CPU @ 3.00GHz", 3000, 6, 6, "x64"),
    cpu("AMD Ryzen 5 PRO 4650G with Radeon Graphics", 3700, 6, 12, "x64"),
    cpu("13th Gen Intel(R) Core(TM) i7-1365U", 1800, 10, 12, "x64"),
    cpu("Snapdragon(R) X Elite - X1E80100", 3417, 12, 12, "ARM64"),
];
static SERVER_CPUS: [Processor; 4] = [
    cpu("Intel(R) Xeon(R) Silver 4310 CPU @ 2.10GHz", 2100, 12, 24, "x64"),
    cpu("Intel(R) Xeon(R) Gold 6226R CPU @ 2.90GHz", 2900, 16, 32, "x64"),
    cpu("AMD EPYC 7302P 16-Core Processor", 3000, 16, 32, "x64"),
    cpu("Intel(R) Xeon(R) E-2236 CPU @ 3.40GHz", 3400, 6, 12, "x64"),
];
static MAC_CPUS: [Processor; 3] = [
    cpu("Apple M1", 3200, 8, 8, "arm64"),
    cpu("Apple M2", 3490, 8, 8, "arm64"),
    cpu("Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz", 2600, 6, 12, "x86_64"),
];

/// The processor model of an agent or host.
pub fn processor(device: &Device) -> &'static Processor {
    let mut dice = Dice::new(device.seed, 0x0063_7075);
    match device.kind {
        Kind::Mac | Kind::MacServer => dice.pick(&MAC_CPUS),
        Kind::WindowsServer | Kind::LinuxServer | Kind::VmwareHost | Kind::HypervHost => {
            dice.pick(&SERVER_CPUS)
        }
        _ => dice.pick(&PC_CPUS),
    }
}

/// An operating system as installed.
pub struct System {
    /// `os.manufacturer`
    pub manufacturer: &'static str,
    /// `os.name`
    pub name: &'static str,
    /// `os.buildNumber`
    pub build: String,
    /// `os.releaseId`
    pub release: &'static str,
    /// `os.architecture`
    pub architecture: &'static str,
    /// `os.lastBootTime` in milliseconds.
    pub last_boot: i64,
    /// `os.needsReboot`
    pub needs_reboot: bool,
}

/// The operating system of an agent.
pub fn system(device: &Device) -> System {
    let mut dice = Dice::new(device.seed, 0x6f73);
    let (manufacturer, name, build, release): (_, _, u32, _) = match device.kind {
        Kind::WindowsServer => *dice.pick(&[
            (
                "Microsoft Corporation",
                "Windows Server 2022 Standard Edition",
                20348,
                "21H2",
            ),
            (
                "Microsoft Corporation",
                "Windows Server 2019 Standard Edition",
                17763,
                "1809",
            ),
            (
                "Microsoft Corporation",
                "Windows Server 2016 Datacenter Edition",
                14393,
                "1607",
            ),
        ]),
        Kind::Mac | Kind::MacServer => *dice.pick(&[
            ("Apple", "macOS Sonoma", 23, "14.6"),
            ("Apple", "macOS Sequoia", 24, "15.1"),
            ("Apple", "macOS Ventura", 22, "13.7"),
        ]),
        Kind::LinuxServer | Kind::LinuxWorkstation => *dice.pick(&[
            ("Canonical", "Ubuntu 22.04.5 LTS", 5, "22.04"),
            ("Canonical", "Ubuntu 24.04.1 LTS", 6, "24.04"),
            ("Debian", "Debian GNU/Linux 12 (bookworm)", 6, "12"),
            ("Red Hat", "Red Hat Enterprise Linux 9.4", 5, "9.4"),
        ]),
        _ => *dice.pick(&[
            (
                "Microsoft Corporation",
                "Windows 11 Professional Edition",
                22631,
                "23H2",
            ),
            (
                "Microsoft Corporation",
                "Windows 11 Professional Edition",
                26100,
                "24H2",
            ),
            (
                "Microsoft Corporation",
                "Windows 11 Enterprise Edition",
                22631,
                "23H2",
            ),
            (
                "Microsoft Corporation",
                "Windows 10 Professional Edition",
                19045,
                "22H2",
            ),
        ]),
    };
    System {
        manufacturer,
        name,
        build: match device.os_updates {
            0 => build.to_string(),
            updates => format!("{build}.{}", 4037 + 131 * u32::from(updates)),
        },
        release,
        architecture: processor(device).architecture,
        last_boot: EPOCH_MS - dice.between(1, 60) as i64 * DAY_MS + dice.below(DAY_MS as u64) as i64,
        needs_reboot: dice.chance(150),
    }
}

/// A volume of an agent.
pub struct Volume {
    /// `name`, also the `driveLetter` on Windows.
    pub name: &'static str,
    /// `label`
    pub label: &'static str,
    /// `fileSystem`
    pub file_system: &'static str,
    /// Bytes.
    pub capacity: i64,
    /// Bytes.
    pub free: i64,
    /// `serialNumber`
    pub serial: u32,
    /// Encrypted with BitLocker; `None` where BitLocker does not exist.
    pub encrypted: Option<bool>,
}

/// The volumes of an agent or phone; none for other kinds, and for agents that report none.
pub fn volumes(device: &Device) -> Vec<Volume> {
    if device.lacks.volumes || !(device.kind.is_agent() || device.kind.is_mobile()) {
        return Vec::new();
    }
    let mut dice = Dice::new(device.seed, 0x0076_6f6c);
    let names: &[(&str, &str, &str)] = match device.kind {
        Kind::WindowsServer => &[
            ("C:", "System", "NTFS"),
            ("D:", "Data", "NTFS"),
            ("E:", "Backup", "ReFS"),
        ],
        Kind::WindowsWorkstation => &[("C:", "Windows", "NTFS"), ("D:", "", "NTFS")],
        Kind::Mac | Kind::MacServer => &[("Macintosh HD", "Macintosh HD", "apfs")],
        Kind::LinuxServer | Kind::LinuxWorkstation => &[("/", "", "ext4"), ("/var", "", "xfs")],
        _ => &[("Internal storage", "Internal storage", "f2fs")],
    };
    let count = dice.between(1, names.len() as u64) as usize;
    names[..count]
        .iter()
        .map(|&(name, label, file_system)| {
            // Partitions are a little smaller than the disk's round number.
            let capacity =
                *dice.pick(&[120_i64, 238, 476, 476, 953, 1907]) * GIB + dice.below(1 << 28) as i64;
            Volume {
                name,
                label,
                file_system,
                capacity,
                free: (capacity as f64 * dice.between(3, 90) as f64 / 100.0) as i64,
                serial: dice.next() as u32,
                encrypted: device.kind.is_windows().then(|| name == "C:" && dice.chance(600)),
            }
        })
        .collect()
}

/// Bytes of memory.
pub fn memory(device: &Device) -> i64 {
    // The firmware keeps a little for itself.
    i64::from(device.memory_gib) * GIB - (device.seed % 300) as i64 * 1024 * 1024
}

/// IPv4 addresses, MAC addresses and the public address.
pub fn network(device: &Device) -> (Vec<String>, Vec<String>, String) {
    let mut dice = Dice::new(device.seed, 0x006e_6574);
    let site = u64::from(device.location);
    let address =
        |dice: &mut Dice| format!("10.{}.{}.{}", site / 250 % 250, site % 250, dice.between(2, 254));
    let mac = |dice: &mut Dice| {
        let maker = *dice.pick(&["D4:81:D7", "3C:52:82", "8C:16:45", "00:50:56", "F8:4D:89"]);
        format!(
            "{maker}:{:02X}:{:02X}:{:02X}",
            dice.below(256),
            dice.below(256),
            dice.below(256)
        )
    };
    let cards = if device.kind.is_agent() && dice.chance(300) {
        2
    } else {
        1
    };
    let addresses = (0..cards).map(|_| address(&mut dice)).collect();
    let macs = (0..cards).map(|_| mac(&mut dice)).collect();
    // TEST-NET-3: never anyone's address.
    (addresses, macs, format!("203.0.113.{}", 1 + site % 254))
}

/// Who used an agent last.
pub fn last_user(device: &Device) -> String {
    let mut dice = Dice::new(device.seed, 0x7573_6572);
    let given = dice.pick(&super::names::GIVEN_NAMES).to_lowercase();
    let name: String = given.chars().filter(char::is_ascii).collect();
    let (domain, _) = device
        .system_name
        .split_once('-')
        .unwrap_or((&device.system_name, ""));
    format!("{domain}\\{name}.{}", dice.pick(&["b", "k", "m", "s"]))
}
