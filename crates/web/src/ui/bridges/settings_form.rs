//! The forms of a bridge's settings and schedule: what stands in them, and what is wrong with what was typed.

use crate::ui::form::Field;
use engine::SettingProblem;
use engine::queueing::SyncSchedule;
use model::{Archive, Bridge, BridgeSettings, NewOrganizations};
use serde::Deserialize;

/// What may happen to new organizations: what is sent, what people see, what it means.
pub const NEW_ORGANIZATIONS: [(&str, &str, &str); 2] = [
    (
        "ask",
        "Ask",
        "An organization that nothing decided waits for you, and so do its devices",
    ),
    (
        "create",
        "Create",
        "An organization that resembles no client gets one of its own; where it resembles one, you are asked",
    ),
];

/// When a bridge may be synced by itself: the cron expression and what people see. An empty one is never.
pub const SCHEDULES: [(&str, &str); 6] = [
    ("", "When somebody asks"),
    ("0 * * * *", "Every hour"),
    ("0 */2 * * *", "Every 2 hours"),
    ("0 */4 * * *", "Every 4 hours"),
    ("0 2 * * *", "Every night at 2:00"),
    ("0 6 * * 1-5", "Monday to Friday at 6:00"),
];

/// What the form sends for a cron expression of one's own.
pub(super) const OTHER: &str = "other";

/// What a person typed, or what is stored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    pub(super) generation: i64,
    pub(super) name: String,
    new_organizations: String,
    devices: String,
    archive_share: String,
    archive_most: String,
    change_share: String,
    change_most: String,
    create_most: String,
    at_least: String,
    archive_reads: String,
    archive_days: String,
}

/// When it is synced by itself, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TypedSchedule {
    pub(super) schedule: String,
    pub(super) cron: String,
    pub(super) zone: String,
}

/// The word for what happens to new organizations, and back.
pub fn new_organizations(word: &str) -> Option<NewOrganizations> {
    match word {
        "ask" => Some(NewOrganizations::Ask),
        "create" => Some(NewOrganizations::Create),
        _ => None,
    }
}

/// The schedule of that cron expression; none of an empty one.
pub fn schedule_of(cron: &str, zone: &str) -> Option<SyncSchedule> {
    (!cron.trim().is_empty()).then(|| SyncSchedule {
        cron: cron.trim().to_owned(),
        zone: zone.trim().to_owned(),
    })
}

/// A share as people write it.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn limit(most: Option<u32>) -> String {
    most.map_or_else(String::new, |most| most.to_string())
}

impl Typed {
    pub(super) fn stored(bridge: &Bridge) -> Self {
        let settings = &bridge.settings;
        let brakes = &settings.brakes;
        Self {
            generation: bridge.generation,
            name: bridge.name.clone(),
            new_organizations: match settings.new_organizations {
                NewOrganizations::Ask => "ask",
                NewOrganizations::Create => "create",
            }
            .to_owned(),
            devices: if settings.devices { "on" } else { "" }.to_owned(),
            archive_share: percent(brakes.archive_share),
            archive_most: limit(brakes.archive_most),
            change_share: percent(brakes.change_share),
            change_most: limit(brakes.change_most),
            create_most: limit(brakes.create_most),
            at_least: brakes.at_least.to_string(),
            archive_reads: limit(settings.archive.map(|rule| rule.after_snapshots)),
            archive_days: limit(settings.archive.map(|rule| rule.after_days)),
        }
    }

    /// The settings over those that are stored, or what is wrong with what was typed.
    pub(super) fn over(&self, mut settings: BridgeSettings) -> Result<BridgeSettings, Vec<SettingProblem>> {
        let mut problems = Vec::new();
        let mut share = |key: &str, text: &str, into: &mut f64| {
            let number = text.trim().trim_end_matches('%').trim().replace(',', ".");
            match number.parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => *into = percent / 100.0,
                _ => problems.push(at(key, "Write a percentage from 0 to 100, e.g. 5")),
            }
        };
        let brakes = &mut settings.brakes;
        share("archive_share", &self.archive_share, &mut brakes.archive_share);
        share("change_share", &self.change_share, &mut brakes.change_share);
        let mut most = |key: &str, text: &str| match text.trim() {
            "" => None,
            number => number.parse::<u32>().map_or_else(
                |_| {
                    problems.push(at(key, "Write a whole number, or leave it blank for no limit"));
                    None
                },
                Some,
            ),
        };
        brakes.archive_most = most("archive_most", &self.archive_most);
        brakes.change_most = most("change_most", &self.change_most);
        brakes.create_most = most("create_most", &self.create_most);
        let reads = most("archive_reads", &self.archive_reads);
        let days = most("archive_days", &self.archive_days);
        match self.at_least.trim().parse() {
            Ok(number) => brakes.at_least = number,
            Err(_) => problems.push(at("at_least", "Write a whole number")),
        }
        settings.archive = match (reads, days) {
            (Some(reads @ 1..), Some(days)) => Some(Archive {
                after_snapshots: reads,
                after_days: days,
            }),
            (None, None) => None,
            (Some(0), _) => {
                problems.push(at("archive_reads", "At least one read"));
                None
            }
            (None, Some(_)) => {
                problems.push(at("archive_reads", "Both are needed, or none"));
                None
            }
            (Some(_), None) => {
                problems.push(at("archive_days", "Both are needed, or none"));
                None
            }
        };
        match new_organizations(&self.new_organizations) {
            Some(word) => settings.new_organizations = word,
            None => problems.push(at("new_organizations", "Choose one of these")),
        }
        settings.devices = !self.devices.is_empty();
        match problems.is_empty() {
            true => Ok(settings),
            false => Err(problems),
        }
    }

    pub(super) fn about(&self) -> Vec<Field> {
        vec![
            Field::text("name", "Name").value(&self.name).required(),
            Field::radio("new_organizations", "New organizations", NEW_ORGANIZATIONS)
                .value(&self.new_organizations)
                .required(),
            Field::tick("devices", "Enable Device Sync", !self.devices.is_empty())
                .help("Off, only clients are matched and created; assets stay as they are"),
        ]
    }

    pub(super) fn brakes(&self) -> Vec<Field> {
        let number = |name: &str, label: &str, value: &str| Field::text(name, label).value(value);
        vec![
            number(
                "change_share",
                "Changing more than this share of the assets (%)",
                &self.change_share,
            )
            .required(),
            number("change_most", "… or more assets than this", &self.change_most)
                .help("Blank for no such limit"),
            number(
                "archive_share",
                "Archiving more than this share of the assets (%)",
                &self.archive_share,
            )
            .required(),
            number("archive_most", "… or more assets than this", &self.archive_most)
                .help("Blank for no such limit"),
            number("create_most", "Creating more assets than this", &self.create_most)
                .help("Blank for any number"),
            number(
                "at_least",
                "A share counts from this many assets on",
                &self.at_least,
            )
            .help("With 10, one asset out of four may change without asking")
            .required(),
        ]
    }

    pub(super) fn archive(&self) -> Vec<Field> {
        vec![
            Field::text("archive_reads", "After so many reads without it")
                .value(&self.archive_reads)
                .help("Blank in both: never"),
            Field::text("archive_days", "… and so many days").value(&self.archive_days),
        ]
    }
}

pub(super) fn at(key: &str, message: &str) -> SettingProblem {
    SettingProblem {
        key: key.to_owned(),
        message: message.to_owned(),
    }
}

impl TypedSchedule {
    pub(super) fn stored(schedule: Option<SyncSchedule>) -> Self {
        let Some(SyncSchedule { cron, zone }) = schedule else {
            return Self {
                zone: "UTC".to_owned(),
                ..Self::default()
            };
        };
        let known = SCHEDULES.iter().any(|(known, _)| *known == cron);
        Self {
            schedule: if known { cron.clone() } else { OTHER.to_owned() },
            cron: if known { String::new() } else { cron },
            zone,
        }
    }

    pub(super) fn fields(&self, problems: &[SettingProblem]) -> Vec<Field> {
        let choices = SCHEDULES.into_iter().chain([(OTHER, "Other times, as below")]);
        let fields = vec![
            Field::choice("schedule", "Sync by itself", choices).value(&self.schedule),
            Field::text("cron", "Other times")
                .value(&self.cron)
                .placeholder("30 6-20/2 * * 1-5")
                .help("Minute, hour, day of the month, month, day of the week"),
            Field::text("zone", "Time zone")
                .value(&self.zone)
                .placeholder("Europe/Berlin")
                .help("By its IANA name, e.g. Europe/Berlin or UTC"),
        ];
        fields.into_iter().map(|field| placed(field, problems)).collect()
    }
}

pub(super) fn placed(field: Field, problems: &[SettingProblem]) -> Field {
    let key = field.name.clone();
    field.problem_of(&key, problems)
}

/// What somebody reads who may not change it.
pub(super) fn facts(settings: &BridgeSettings, schedule: &TypedSchedule) -> Vec<(&'static str, String)> {
    let brakes = &settings.brakes;
    let or_more = |most: Option<u32>| most.map_or_else(String::new, |most| format!(", or more than {most}"));
    let new = match settings.new_organizations {
        NewOrganizations::Ask => "wait for somebody",
        NewOrganizations::Create => "get a client of their own unless one resembles them",
    };
    vec![
        ("New organizations", new.to_owned()),
        (
            "Device Sync",
            if settings.devices {
                "on"
            } else {
                "off: only clients"
            }
            .to_owned(),
        ),
        (
            "A plan stops and asks",
            format!(
                "when it would change more than {} % of the assets{}; archive more than {} %{}",
                percent(brakes.change_share),
                or_more(brakes.change_most),
                percent(brakes.archive_share),
                or_more(brakes.archive_most)
            ),
        ),
        (
            "Assets of vanished devices",
            settings.archive.map_or_else(
                || "stay as they are".to_owned(),
                |rule| {
                    format!(
                        "are archived after {} reads and {} days without the device",
                        rule.after_snapshots, rule.after_days
                    )
                },
            ),
        ),
        (
            "Sync by itself",
            match SCHEDULES.iter().find(|(cron, _)| *cron == schedule.schedule) {
                Some((_, label)) => (*label).to_owned(),
                None => format!("{} ({})", schedule.cron, schedule.zone),
            },
        ),
    ]
}
