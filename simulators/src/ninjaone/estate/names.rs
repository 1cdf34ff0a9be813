//! Made-up names. Organizations are named the way they are in life: near-duplicates, legal suffixes, other scripts.

use crate::dice::Dice;

/// The first organizations of every estate. Pairs of them are close on purpose, so that a small estate already
/// holds what matching has to cope with.
pub(super) const FIRST_ORGANIZATIONS: [&str; 26] = [
    "Acme Inc",
    "Northwind Dental Group",
    "Bäckerei Müller GmbH",
    "Harbour Light Logistics",
    "Acme LLC",
    "Silverbirch Accountants",
    "Société Martin et Fils Peinture",
    "Meridian Legal LLP",
    "Baeckerei Mueller GmbH",
    "Red Kite Veterinary Clinic",
    "日本光学サービス株式会社",
    "Meridian Legal, LLP",
    "Oakfield Primary School",
    "Oakfields Primary School",
    "Ålesund Fisk AS",
    "Copperline Manufacturing Ltd.",
    "Copperline Manufacturing Limited",
    "Blue Heron Architects",
    "O'Neill & Sons Plumbing",
    "Northwind Dental",
    "Clínica São Bento",
    "T.K.S. Holding B.V.",
    "TKS Holding BV",
    "Lumen Street Studios",
    "ΑΛΦΑ Ναυτιλιακή",
    "Kestrel Financial Planning",
];

const FIRST_WORDS: [&str; 64] = [
    "Alder",
    "Amber",
    "Anchor",
    "Apex",
    "Arbour",
    "Aspen",
    "Atlas",
    "Beacon",
    "Birch",
    "Bluewater",
    "Bramble",
    "Bridge",
    "Bright",
    "Canyon",
    "Cedar",
    "Chester",
    "Clearwater",
    "Cobalt",
    "Coral",
    "Crescent",
    "Delta",
    "Eastgate",
    "Elm",
    "Ember",
    "Evergreen",
    "Fairview",
    "Falcon",
    "Fern",
    "Fox",
    "Garnet",
    "Granite",
    "Hawthorn",
    "Hazel",
    "Heath",
    "Highland",
    "Ivory",
    "Juniper",
    "Keystone",
    "Lakeside",
    "Larch",
    "Linden",
    "Maple",
    "Marble",
    "Meadow",
    "Millstone",
    "Nova",
    "Onyx",
    "Orchard",
    "Osprey",
    "Pine",
    "Quarry",
    "Raven",
    "Ridge",
    "Riverside",
    "Rowan",
    "Sable",
    "Saffron",
    "Sterling",
    "Summit",
    "Thistle",
    "Timber",
    "Valley",
    "Willow",
    "Zenith",
];
const TRADES: [&str; 48] = [
    "Accountants",
    "Advisors",
    "Analytics",
    "Animal Hospital",
    "Architects",
    "Automotive",
    "Bakery",
    "Brewing",
    "Care Homes",
    "Cabinetry",
    "Chemicals",
    "Chiropractic",
    "Civil Engineering",
    "Cold Storage",
    "Construction",
    "Credit Union",
    "Dental",
    "Design",
    "Distribution",
    "Electrical",
    "Energy",
    "Estate Agents",
    "Event Hire",
    "Fabrication",
    "Family Medicine",
    "Farms",
    "Freight",
    "Furniture",
    "Glass",
    "Heating",
    "Hotels",
    "Insurance",
    "Joinery",
    "Landscapes",
    "Legal",
    "Logistics",
    "Marine",
    "Media",
    "Optics",
    "Packaging",
    "Pharmacy",
    "Physio",
    "Print",
    "Recruitment",
    "Roofing",
    "Software",
    "Textiles",
    "Tool Hire",
];
const SUFFIXES: [&str; 16] = [
    "", "", "", " Ltd", " Ltd.", " Limited", " Inc", " Inc.", " LLC", " LLP", " GmbH", " B.V.", " Group",
    " & Co", " Pty Ltd", " S.A.",
];

/// The name of the organization at `place` (from 0); every place has a name of its own.
pub(super) fn organization(seed: u64, place: usize) -> String {
    if let Some(name) = FIRST_ORGANIZATIONS.get(place) {
        return (*name).to_owned();
    }
    let index = place - FIRST_ORGANIZATIONS.len();
    let pairs = FIRST_WORDS.len() * TRADES.len();
    // Every eighth is a variant of its predecessor: another suffix, a plural, or one letter lost.
    let variant = index % 8 == 7;
    let base = if variant { index - 1 } else { index };
    // A stride coprime to the number of pairs visits each pair once before any repeats.
    let stride = [1021, 1031, 1033, 1039, 1049][(seed % 5) as usize];
    let pair = (base * stride + (seed % 1009) as usize) % pairs;
    let (first, trade) = (FIRST_WORDS[pair / TRADES.len()], TRADES[pair % TRADES.len()]);
    let round = match base / pairs {
        0 => String::new(),
        round => format!(" {}", round + 1),
    };
    let suffix = SUFFIXES[Dice::new(seed, 0x4f52_4700 + base as u64).below(SUFFIXES.len() as u64) as usize];
    let name = format!("{first} {trade}{round}{suffix}");
    match (variant, index % 3) {
        (false, _) => name,
        (true, 0) => format!(
            "{first} {trade}{round}{}",
            if suffix == " LLC" { " Inc" } else { " LLC" }
        ),
        (true, 1) => format!("The {name}"),
        (true, _) => format!("{first}s {trade}{round}{suffix}"),
    }
}

/// A short code for host names, from the letters of the name; not unique.
pub(super) fn code(name: &str, place: usize) -> String {
    let letters: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().find(char::is_ascii_alphanumeric))
        .take(3)
        .collect();
    match letters.len() {
        0 | 1 => format!("ORG{}", place + 1),
        _ => letters.to_ascii_uppercase(),
    }
}

pub(super) const LOCATIONS: [&str; 14] = [
    "Main Office",
    "Headquarters",
    "Warehouse",
    "Branch North",
    "Branch South",
    "Workshop",
    "Showroom",
    "Data Centre",
    "Remote Workers",
    "Filiale Süd",
    "Annex",
    "Store 1",
    "Store 2",
    "Home Offices",
];
pub(super) const STREETS: [&str; 10] = [
    "Market Street",
    "Station Road",
    "Mill Lane",
    "Hauptstraße",
    "Harbour Way",
    "Church Road",
    "Rue de la Gare",
    "Kongens gate",
    "Industrial Park",
    "Elm Avenue",
];
pub(super) const TOWNS: [&str; 12] = [
    "Springfield",
    "Ashford",
    "Lindau",
    "Kingsport",
    "Norrby",
    "Fairhaven",
    "Weston",
    "Porto Novo",
    "Grünfeld",
    "Ravenna Falls",
    "Eastbrook",
    "Holm",
];
pub(super) const GIVEN_NAMES: [&str; 40] = [
    "Anna", "Ben", "Chloé", "Daniel", "Elena", "Farid", "Grace", "Hiro", "Ingrid", "Jack", "Kavya", "Liam",
    "María", "Noah", "Olga", "Pedro", "Quinn", "Rosa", "Søren", "Tom", "Uma", "Victor", "Wendy", "Xenia",
    "Yusuf", "Zoë", "Amir", "Bea", "Carl", "Dora", "Emil", "Fiona", "Georg", "Hannah", "Ivan", "Jana",
    "Karl", "Lucy", "Mats", "Nina",
];
pub(super) const FAMILY_NAMES: [&str; 40] = [
    "Adams", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Iversen", "Jones",
    "Kowalski", "Larsen", "Müller", "Nakamura", "O'Brien", "Patel", "Quist", "Rossi", "Singh", "Taylor",
    "Ueda", "Varga", "Weber", "Xu", "Young", "Zimmer", "Archer", "Brandt", "Clarke", "Davies", "Egger",
    "Foster", "Grant", "Hughes", "Ito", "Jensen", "Keller", "Lopez", "Moreau", "Novak",
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn four_thousand_organizations_have_different_names() {
        for seed in [0, 1, 7, 4711] {
            let names: HashSet<String> = (0..4000).map(|place| organization(seed, place)).collect();
            assert_eq!(names.len(), 4000, "seed {seed}");
        }
    }

    #[test]
    fn codes_are_ascii_and_never_empty() {
        for place in 0..FIRST_ORGANIZATIONS.len() {
            let code = code(&organization(1, place), place);
            assert!((2..=8).contains(&code.len()) && code.is_ascii(), "{code}");
        }
    }
}
