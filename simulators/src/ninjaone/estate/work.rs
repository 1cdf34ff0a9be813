//! What is done to devices: scripts, patches, services. Running work shows as jobs, finished work as activities.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Estate;
use super::activity::What;
use super::device::Device;
use super::inventory::{self, Service};
use crate::dice::uuid_bits;

/// A script of the library.
#[derive(Debug)]
pub struct Script {
    /// `id`
    pub id: u32,
    /// `name`
    pub name: &'static str,
    /// `language`
    pub language: &'static str,
    /// `operatingSystems`
    pub system: &'static str,
    /// A failing script, for tests of what a failure looks like.
    pub fails: bool,
}

/// The library's scripts.
pub static SCRIPTS: [Script; 6] = [
    Script {
        id: 11,
        name: "Clear temporary files",
        language: "powershell",
        system: "Windows",
        fails: false,
    },
    Script {
        id: 12,
        name: "Restart print spooler",
        language: "powershell",
        system: "Windows",
        fails: false,
    },
    Script {
        id: 17,
        name: "Collect logs",
        language: "sh",
        system: "Linux",
        fails: false,
    },
    Script {
        id: 18,
        name: "Flush DNS cache",
        language: "sh",
        system: "Mac",
        fails: false,
    },
    Script {
        id: 23,
        name: "Bash bridge",
        language: "sh",
        system: "Linux",
        fails: false,
    },
    Script {
        id: 29,
        name: "Check backup (fails)",
        language: "powershell",
        system: "Windows",
        fails: true,
    },
];

/// Built-in actions: uid label and name.
pub const ACTIONS: [(u64, &str); 3] = [
    (1, "Run disk cleanup"),
    (2, "Install agent update"),
    (3, "Collect agent logs"),
];

/// The uid of a built-in action.
pub fn action_uid(label: u64) -> u128 {
    uuid_bits(label, 0x6163_7469)
}

/// Work that has not ended.
#[derive(Clone, Debug)]
pub struct Job {
    /// `uid`, also the `seriesUid` of its activities.
    pub uid: u128,
    /// `deviceId`
    pub device: u32,
    /// `jobType`
    pub kind: &'static str,
    /// `jobStatus`
    pub status: &'static str,
    /// What it is called.
    pub name: String,
    /// `createTime` in milliseconds.
    pub created: i64,
    /// `userId`
    pub user: Option<u32>,
    /// Whether it will fail.
    fails: bool,
}

/// A service that was touched.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    state: Option<&'static str>,
    start: Option<String>,
    user: Option<String>,
}

const STEPS: [(&str, &str); 3] = [
    ("START_REQUESTED", "Start Requested"),
    ("STARTED", "Started"),
    ("COMPLETED", "Completed"),
];

impl Estate {
    /// Starts work on a device. On a device that is online it ends at once; otherwise it waits until it is back.
    /// `kind` is the activities' type with its words. Returns the `seriesUid`.
    pub fn start_work(
        &mut self,
        device: u32,
        kind: (&'static str, &'static str),
        name: &str,
        user: Option<u32>,
        time: i64,
        fails: bool,
    ) -> u128 {
        self.started += 1;
        let uid = uuid_bits(self.seed, 0x6a6f_0000_0000 + self.started);
        let job = Job {
            uid,
            device,
            kind: kind.0,
            status: "START_REQUESTED",
            name: name.to_owned(),
            created: time,
            user,
            fails,
        };
        self.note_job(&job, kind.1, 0, time);
        match self.device(device).is_some_and(|device| !device.offline) {
            true => {
                self.note_job(&job, kind.1, 1, time);
                self.note_job(&job, kind.1, 2, time + 1500);
            }
            false => self.jobs.push(job),
        }
        uid
    }

    /// Lets the waiting work of a device that is back run and end.
    pub fn finish_waiting(&mut self, device: u32, time: i64) {
        let due: Vec<Job> = self.jobs.extract_if(.., |job| job.device == device).collect();
        for job in due {
            self.note_job(&job, "Action", 1, time);
            self.note_job(&job, "Action", 2, time + 1500);
        }
    }

    fn note_job(&mut self, job: &Job, words: &'static str, step: usize, time: i64) {
        let (code, status) = STEPS[step];
        let ended = step == 2;
        let what = What {
            result: ended.then_some(if job.fails { "FAILURE" } else { "SUCCESS" }),
            ..What::new(job.kind, words, code, status)
        };
        let message = match step {
            0 => format!("'{}' requested", job.name),
            1 => format!("'{}' started", job.name),
            _ if job.fails => format!("'{}' completed with exit code 1", job.name),
            _ => format!("'{}' completed", job.name),
        };
        let entry = self
            .log
            .push(time, Some(job.device), what, message.into_boxed_str());
        entry.series = Some(job.uid);
        entry.user = job.user;
        entry.source_name = Some(job.name.as_str().into());
        if ended {
            let code: Value = json!(i32::from(job.fails));
            entry.data = Some(Box::new(
                json!({ "message": { "code": "script_result", "params": { "exitCode": code } } }),
            ));
        }
    }

    /// Work that has not ended.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// The unfinished work of one device.
    pub fn jobs_of(&self, device: u32) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(move |job| job.device == device)
    }

    /// State, start type and user of a service.
    pub fn service(&self, device: &Device, service: &Service) -> (&'static str, Cow<'_, str>, Cow<'_, str>) {
        let touched = self.services.get(&(device.id, service.name));
        let untouched = if inventory::runs_by_default(device, service) {
            "RUNNING"
        } else {
            "STOPPED"
        };
        let state = touched.and_then(|one| one.state).unwrap_or(untouched);
        let start = touched
            .and_then(|one| one.start.as_deref())
            .unwrap_or(service.start);
        let user = touched
            .and_then(|one| one.user.as_deref())
            .unwrap_or(service.user);
        (state, start.into(), user.into())
    }

    /// Brings a service into a state: RUNNING, STOPPED or PAUSED.
    pub fn bring_service(&mut self, device: u32, service: &'static Service, state: &'static str) {
        self.services.entry((device, service.name)).or_default().state = Some(state);
    }

    /// Changes how a service starts and as whom it runs.
    pub fn configure_service(
        &mut self,
        device: u32,
        service: &'static Service,
        start: Option<String>,
        user: Option<String>,
    ) {
        let touched = self.services.entry((device, service.name)).or_default();
        touched.start = start.or_else(|| touched.start.take());
        touched.user = user.or_else(|| touched.user.take());
    }
}
