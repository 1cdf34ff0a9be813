//! What makes a device recognizable, in one spelling; what only looks like it is refused.

use crate::fold::fold;

/// Serial numbers that manufacturers leave in place of one, letters and digits only, folded.
///
/// From the exclusion lists public NinjaOne clients keep, and from what firmware vendors ship.
const PLACEHOLDERS: &[&str] = &[
    "none",
    "null",
    "nil",
    "na",
    "empty",
    "blank",
    "unknown",
    "undefined",
    "invalid",
    "default",
    "defaultstring",
    "notapplicable",
    "notavailable",
    "notspecified",
    "notset",
    "notdefined",
    "noserial",
    "noserialnumber",
    "tobefilledbyoem",
    "tobefilled",
    "filledbyoem",
    "oem",
    "serial",
    "serialnumber",
    "systemserialnumber",
    "systemserial",
    "chassisserialnumber",
    "baseboardserialnumber",
    "boardserialnumber",
    "mbserialnumber",
    "systemproductname",
    "systemmanufacturer",
    "assettag",
    "noassettag",
    "123456789",
    "0123456789",
    "1234567890",
    "12345678",
    "1234567",
    "123456",
    "12345",
    "1234",
];

/// The serial number in one spelling (no white space, folded case), or `None` when it is blank or says nothing:
/// a manufacturer's placeholder, or one character over and over (`0`, `0000-0000`, `xxxxxxx`, `...`).
pub fn fold_serial(serial: &str) -> Option<String> {
    let folded: String = fold(serial).split(' ').collect();
    let bare: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    let first = bare.chars().next()?;
    let says_something = bare.chars().any(|c| c != first) && !PLACEHOLDERS.contains(&bare.as_str());
    says_something.then_some(folded)
}

/// A MAC address as twelve lower-case hexadecimal digits, or `None` when it is none or addresses no single
/// network card: multicast, broadcast, all zeros.
pub fn fold_mac(mac: &str) -> Option<String> {
    let mut digits = String::with_capacity(12);
    for c in mac.trim().chars() {
        match c {
            ':' | '-' | '.' | ' ' => {}
            c if c.is_ascii_hexdigit() && digits.len() < 12 => digits.push(c.to_ascii_lowercase()),
            _ => return None,
        }
    }
    if digits.len() != 12 || digits.bytes().all(|b| b == b'0') {
        return None;
    }
    // The lowest bit of the first octet marks a group of receivers (IEEE 802); broadcast has it too.
    let first = u8::from_str_radix(&digits[..2], 16).ok()?;
    (first & 1 == 0).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_serials_say_nothing() {
        for placeholder in [
            "",
            "  ",
            "0",
            "00000000",
            "0000-0000-0000",
            "None",
            "NONE ",
            "N/A",
            "Not Specified",
            "To Be Filled By O.E.M.",
            "To be filled by O.E.M",
            "System Serial Number",
            "SystemSerialNumber",
            "Chassis Serial Number",
            "Default string",
            "0123456789",
            "123456789",
            "xxxxxxxx",
            "XXXX XXXX",
            "........",
            "-",
            "ＮＯＮＥ",
        ] {
            assert_eq!(fold_serial(placeholder), None, "{placeholder:?}");
        }
    }

    #[test]
    fn real_serials_lose_white_space_and_case_only() {
        for (serial, folded) in [
            ("5CG1234ABC", "5cg1234abc"),
            (" 5cg 1234 abc\n", "5cg1234abc"),
            ("VMware-56 4d ab 12", "vmware-564dab12"),
            ("R90-XYZ", "r90-xyz"),
            ("PF3N0NE", "pf3n0ne"),
            ("1010", "1010"),
        ] {
            assert_eq!(fold_serial(serial).as_deref(), Some(folded), "{serial:?}");
        }
    }

    #[test]
    fn mac_addresses() {
        for (mac, folded) in [
            ("00:1A:2B:3C:4D:5E", Some("001a2b3c4d5e")),
            ("00-1a-2b-3c-4d-5e", Some("001a2b3c4d5e")),
            ("001a.2b3c.4d5e", Some("001a2b3c4d5e")),
            (" 001A2B3C4D5E ", Some("001a2b3c4d5e")),
            ("02:42:ac:11:00:02", Some("0242ac110002")),
            ("00:00:00:00:00:00", None),
            ("ff:ff:ff:ff:ff:ff", None),
            ("01:00:5e:00:00:fb", None),
            ("33:33:00:00:00:01", None),
            ("00:1A:2B:3C:4D", None),
            ("00:1A:2B:3C:4D:5E:6F", None),
            ("00:1A:2B:3C:4D:5G", None),
            ("", None),
            ("n/a", None),
        ] {
            assert_eq!(fold_mac(mac).as_deref(), folded, "{mac:?}");
        }
    }
}
