//! Software, services, patches and protection of a device, derived from its seed whenever they are asked for.

use super::device::Device;
use super::hardware::{self, Chassis};
use super::kind::Kind;
use super::population::{DAY_MS, EPOCH_MS};
use crate::dice::{Dice, mix, uuid_bits};

/// A program that can be installed.
pub struct Product {
    /// `name`
    pub name: &'static str,
    /// `publisher`
    pub publisher: &'static str,
    /// The versions in the field.
    pub versions: &'static [&'static str],
    /// Bytes on disk.
    pub size: i64,
}

const fn product(
    name: &'static str,
    publisher: &'static str,
    size_mib: i64,
    versions: &'static [&'static str],
) -> Product {
    Product {
        name,
        publisher,
        versions,
        size: size_mib * 1024 * 1024,
    }
}

/// Programs on Windows.
pub static WINDOWS_PRODUCTS: [Product; 12] = [
    product(
        "Google Chrome",
        "Google LLC",
        610,
        &["130.0.6723.92", "129.0.6668.101"],
    ),
    product(
        "Mozilla Firefox (x64 en-US)",
        "Mozilla",
        240,
        &["132.0", "128.4.0"],
    ),
    product("7-Zip 24.08 (x64)", "Igor Pavlov", 6, &["24.08"]),
    product(
        "Microsoft 365 Apps for business - en-us",
        "Microsoft Corporation",
        4200,
        &["16.0.18025.20160"],
    ),
    product("Microsoft Edge", "Microsoft Corporation", 700, &["130.0.2849.68"]),
    product(
        "Adobe Acrobat (64-bit)",
        "Adobe",
        820,
        &["24.004.20219", "23.008.20533"],
    ),
    product(
        "Zoom Workplace",
        "Zoom Video Communications, Inc.",
        310,
        &["6.2.5 (49000)"],
    ),
    product(
        "Notepad++ (64-bit x64)",
        "Notepad++ Team",
        17,
        &["8.7.1", "8.6.9"],
    ),
    product(
        "Teams Machine-Wide Installer",
        "Microsoft Corporation",
        120,
        &["1.7.0.27856"],
    ),
    product(
        "FortiClient VPN",
        "Fortinet Technologies Inc",
        190,
        &["7.2.5.1053"],
    ),
    product("Sage 50 Accounts", "Sage", 1100, &["30.1.176.0"]),
    product("NinjaRMMAgent", "NinjaRMM LLC", 90, &["7.0.2317"]),
];
static MAC_PRODUCTS: [Product; 5] = [
    product("Google Chrome", "Google LLC", 610, &["130.0.6723.92"]),
    product("Microsoft Word", "Microsoft Corporation", 2300, &["16.90"]),
    product("Slack", "Slack Technologies", 220, &["4.41.96"]),
    product("zoom.us", "Zoom Video Communications, Inc.", 310, &["6.2.5"]),
    product("NinjaRMMAgent", "NinjaRMM LLC", 110, &["7.0.2317"]),
];
static LINUX_PRODUCTS: [Product; 5] = [
    product(
        "openssh-server",
        "Ubuntu Developers",
        2,
        &["1:9.6p1-3ubuntu13.5", "1:8.9p1-3ubuntu0.10"],
    ),
    product("nginx", "Ubuntu Developers", 5, &["1.24.0-2ubuntu7.1"]),
    product(
        "postgresql-16",
        "Debian PostgreSQL Maintainers",
        45,
        &["16.4-0ubuntu0.24.04.2"],
    ),
    product("curl", "Ubuntu Developers", 1, &["8.5.0-2ubuntu10.4"]),
    product("ninjarmm-agent", "NinjaRMM LLC", 80, &["7.0.2317"]),
];

/// A program on a device.
pub struct Installed {
    /// Which.
    pub product: &'static Product,
    /// Its version.
    pub version: &'static str,
    /// When it was installed, in milliseconds.
    pub at: i64,
}

/// The programs of an agent; none for other kinds.
pub fn software(device: &Device) -> Vec<Installed> {
    let products: &'static [Product] = match device.kind {
        Kind::WindowsServer | Kind::WindowsWorkstation => &WINDOWS_PRODUCTS,
        Kind::Mac | Kind::MacServer => &MAC_PRODUCTS,
        Kind::LinuxServer | Kind::LinuxWorkstation => &LINUX_PRODUCTS,
        _ => &[],
    };
    let mut dice = Dice::new(device.seed, 0x736f_6674);
    products
        .iter()
        .filter_map(|product| {
            let kept = dice.chance(650);
            let version = *dice.pick(product.versions);
            let at = EPOCH_MS - dice.between(1, 900) as i64 * DAY_MS;
            kept.then_some(Installed { product, version, at })
        })
        .collect()
}

/// The UUID a program is known by in patch management.
pub fn product_uid(product: &Product) -> u128 {
    let hash = product
        .name
        .bytes()
        .fold(7, |hash, byte| mix(hash ^ u64::from(byte)));
    uuid_bits(hash, 0x7072_6f64)
}

/// A Windows service.
pub struct Service {
    /// `name`, also its id in paths.
    pub name: &'static str,
    /// `displayName`
    pub title: &'static str,
    /// `userName`
    pub user: &'static str,
    /// `startType` as installed.
    pub start: &'static str,
}

const fn service(
    name: &'static str,
    title: &'static str,
    user: &'static str,
    start: &'static str,
) -> Service {
    Service {
        name,
        title,
        user,
        start,
    }
}

/// The services of a Windows machine.
pub static SERVICES: [Service; 10] = [
    service("Spooler", "Print Spooler", "LocalSystem", "AUTO_START"),
    service("wuauserv", "Windows Update", "LocalSystem", "DEMAND_START"),
    service(
        "BITS",
        "Background Intelligent Transfer Service",
        "LocalSystem",
        "AUTO_START_DELAYED",
    ),
    service(
        "Dnscache",
        "DNS Client",
        "NT AUTHORITY\\NetworkService",
        "AUTO_START",
    ),
    service(
        "EventLog",
        "Windows Event Log",
        "NT AUTHORITY\\LocalService",
        "AUTO_START",
    ),
    service("LanmanServer", "Server", "LocalSystem", "AUTO_START"),
    service(
        "RemoteRegistry",
        "Remote Registry",
        "NT AUTHORITY\\LocalService",
        "DISABLED",
    ),
    service(
        "TermService",
        "Remote Desktop Services",
        "NT Authority\\NetworkService",
        "DEMAND_START",
    ),
    service(
        "WinDefend",
        "Microsoft Defender Antivirus Service",
        "LocalSystem",
        "AUTO_START",
    ),
    service("NinjaRMMAgent", "NinjaRMM Agent", "LocalSystem", "AUTO_START"),
];

/// Whether a service runs when nobody touched it.
pub fn runs_by_default(device: &Device, service: &Service) -> bool {
    match service.start {
        "DISABLED" => false,
        "DEMAND_START" => device.seed.is_multiple_of(3),
        _ => service.name != "Spooler" || !device.seed.is_multiple_of(14),
    }
}

/// A patch of the operating system.
pub struct OsPatch {
    /// `id`
    pub id: u128,
    /// `name`
    pub name: String,
    /// `kbNumber`
    pub kb: String,
    /// `severity`
    pub severity: &'static str,
    /// `type`
    pub kind: &'static str,
    /// `status`
    pub status: &'static str,
    /// When its installation was tried, in milliseconds; `None` while it waits.
    pub at: Option<i64>,
}

/// Patches of the operating system: those that were installed or failed, or those that wait.
pub fn os_patches(device: &Device, installed: bool) -> Vec<OsPatch> {
    if !device.kind.is_windows() {
        return Vec::new();
    }
    let mut dice = Dice::new(device.seed, if installed { 0x6f73_7069 } else { 0x6f73_7077 });
    let count = if installed {
        dice.between(1, 5)
    } else {
        dice.below(4)
    };
    (0..count)
        .map(|_| {
            let number = 5_030_000 + dice.below(16_000);
            let status = match installed {
                true => *dice.pick(&["INSTALLED", "INSTALLED", "INSTALLED", "FAILED"]),
                false => *dice.pick(&["MANUAL", "APPROVED", "REJECTED", "FAILED"]),
            };
            OsPatch {
                id: uuid_bits(number, 0x6b62),
                name: format!(
                    "2026-{:02} Cumulative Update for Windows (KB{number})",
                    1 + number % 10
                ),
                kb: format!("KB{number}"),
                severity: dice.word(&["critical", "important", "optional"]),
                kind: dice.word(&["SECURITY_UPDATES", "CRITICAL_UPDATES", "REGULAR_UPDATES"]),
                status,
                at: installed.then(|| EPOCH_MS - dice.between(1, 120) as i64 * DAY_MS),
            }
        })
        .collect()
}

/// A patch of a program.
pub struct SoftwarePatch {
    /// `id`
    pub id: u128,
    /// The program.
    pub product: &'static Product,
    /// `title`
    pub title: String,
    /// `impact`
    pub impact: &'static str,
    /// `status`
    pub status: &'static str,
    /// When its installation was tried, in milliseconds; `None` while it waits.
    pub at: Option<i64>,
}

/// Patches of programs: those that were installed or failed, or those that wait.
pub fn software_patches(device: &Device, installed: bool) -> Vec<SoftwarePatch> {
    if !device.kind.is_windows() {
        return Vec::new();
    }
    let mut dice = Dice::new(device.seed, if installed { 0x7370_6961 } else { 0x7370_7761 });
    software(device)
        .into_iter()
        .filter_map(|one| {
            let kept = dice.chance(300);
            let status = match installed {
                true => *dice.pick(&["INSTALLED", "INSTALLED", "FAILED"]),
                false => *dice.pick(&["MANUAL", "APPROVED", "REJECTED", "FAILED"]),
            };
            let patch = SoftwarePatch {
                id: uuid_bits(dice.next(), 0x7370),
                title: format!("{} {}", one.product.name, one.product.versions[0]),
                product: one.product,
                impact: dice.word(&["CRITICAL", "RECOMMENDED"]),
                status,
                at: installed.then(|| EPOCH_MS - dice.between(1, 120) as i64 * DAY_MS),
            };
            kept.then_some(patch)
        })
        .collect()
}

/// What protects an agent: product, state, definitions, version.
pub fn antivirus(device: &Device) -> Option<(&'static str, &'static str, &'static str, &'static str)> {
    if !device.kind.is_agent() || device.kind == Kind::LinuxServer {
        return None;
    }
    let mut dice = Dice::new(device.seed, 0x6176);
    let (name, version) = *dice.pick(&[
        ("Windows Defender", "4.18.24090.11"),
        ("Bitdefender Endpoint Security Tools", "7.9.14.430"),
        ("SentinelOne", "24.1.4.257"),
    ]);
    let state = *dice.pick(&["ON", "ON", "ON", "ON", "OFF", "SNOOZED"]);
    Some((
        name,
        state,
        *dice.pick(&["Up-to-Date", "Up-to-Date", "Out-of-Date"]),
        version,
    ))
}

/// Whether something was caught on the device lately.
pub fn has_threat(device: &Device) -> bool {
    device.kind.is_windows() && device.seed.is_multiple_of(40)
}

/// A physical disk.
pub struct Disk {
    /// `model`
    pub model: &'static str,
    /// `manufacturer`
    pub manufacturer: &'static str,
    /// Bytes.
    pub size: i64,
    /// `serialNumber`
    pub serial: String,
    /// `interfaceType`
    pub interface: &'static str,
    /// Partitions.
    pub partitions: i64,
    /// `status`
    pub status: &'static str,
}

/// The disks of an agent: one for each volume.
pub fn disks(device: &Device) -> Vec<Disk> {
    let mut dice = Dice::new(device.seed, 0x6469_736b);
    hardware::volumes(device)
        .iter()
        .filter(|_| device.kind.is_agent())
        .map(|volume| {
            let (model, manufacturer, interface) = *dice.pick(&[
                ("Samsung SSD 980 PRO", "Samsung", "NVMe"),
                ("WDC WD10EZEX-08WN4A0", "Western Digital", "SATA"),
                ("PERC H755 SCSI Disk Device", "Dell", "SCSI"),
                ("VMware Virtual disk SCSI Disk Device", "VMware", "SCSI"),
            ]);
            Disk {
                model,
                manufacturer,
                size: volume.capacity + (1 << 30),
                serial: super::population::letters(&mut dice, 12),
                interface,
                partitions: dice.between(1, 4) as i64,
                status: if dice.chance(20) { "Pred Fail" } else { "OK" },
            }
        })
        .collect()
}

/// Whether the device has a RAID controller worth reporting.
pub fn has_raid(device: &Device) -> bool {
    let Chassis {
        manufacturer,
        is_virtual,
        ..
    } = hardware::chassis(device);
    device.kind == Kind::WindowsServer && !is_virtual && matches!(manufacturer, "Dell Inc." | "HPE")
}
