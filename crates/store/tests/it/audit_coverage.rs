//! Every public function of the store that writes makes an audit entry, or says here why it does not.

use std::path::Path;

/// Public functions that open a writing transaction, or are handed one, and note nothing.
const NOT_NOTED: &[(&str, &str)] = &[
    // They only look: a transaction is how PostgreSQL's own time is asked for, and how a check is shared.
    ("now", "asks the database for its time"),
    ("transaction", "is the transaction; whoever writes in it notes it"),
    ("require_writes", "only looks"),
    ("abandoned_jobs", "only looks"),
    ("open_jobs", "only looks"),
    // Who is at work, and how far: true for seconds.
    ("lock_runner", "a lock"),
    ("take_lease", "a lease"),
    ("take_leases", "a lease"),
    ("renew_leases", "a lease"),
    ("forget_leases", "leases"),
    ("release_lease", "a lease"),
    ("release_leases", "a lease"),
    ("leases", "only looks"),
    (
        "change_request_budget",
        "how many requests an account was asked of late",
    ),
    ("begin_refresh", "a turn; the grant it brings is noted"),
    ("abandon_refresh", "a turn given back"),
    ("note_progress", "how far a job is"),
    // How a job stands is the queue's business: who asked for it, tried it again, and what it wrote is noted.
    ("claim_job", "a worker takes a job"),
    (
        "requeue_job",
        "a job is due again; a person's wish for it is noted by `note_retry`",
    ),
    ("end_job", "a job ended; its run is noted"),
    ("overtake_jobs", "a later job stands for an earlier one"),
    ("move_schedule", "a tick; its job is noted"),
    // People: what they do is noted, how their sessions go on is not.
    ("add_person", "noted by `add_person_in`"),
    ("add_first_person", "noted by `add_person_in`"),
    ("set_password", "noted by `set_password_in`"),
    ("accept_invitation", "noted by `set_password_in`"),
    (
        "take_code_step",
        "a code is taken once; the sign-in it leads to is noted",
    ),
    ("use_sign_in_token", "used up; the sign-in it leads to is noted"),
    ("count_sign_in_failure", "counted, to slow guessing down"),
    ("put_web_session", "a session; the sign-in is noted"),
    ("touch_web_session", "a session goes on"),
    ("touch_api_key", "when a key was last used; what it did is noted"),
    ("remove_web_session", "a session ends"),
    (
        "begin_consent",
        "a consent under way; the grant it brings is noted",
    ),
    ("take_consent", "used up by its return"),
    (
        "begin_provider_sign_in",
        "a sign-in under way; what it leads to is noted",
    ),
    ("take_provider_sign_in", "used up by its return"),
    ("link_identity", "noted by `link_identity_in`"),
    (
        "add_person_with_identity",
        "noted by `add_person_in` and `link_identity_in`",
    ),
    ("sweep_web_sessions", "sessions that ran out"),
    ("save_view", "how a person likes to look at a list"),
    ("forget_view", "how a person likes to look at a list"),
    // What was noticed, not done; a channel's taking of it, or its end, is noted.
    ("put_health", "how something was found to stand"),
    ("forget_health", "what is no longer there"),
    ("claim_notification", "a worker takes a notification"),
    // What this installation knows of itself.
    ("installed", "the place of the database, once"),
    ("require_confirmed_instance", "counts while the hub works"),
    (
        "restore",
        "an empty database is filled; the log it brings goes on, and its confirmation is noted",
    ),
    // What was read, and what is derived from it: the read is a run, and that is noted.
    ("begin_snapshot", "part of a read"),
    ("finish", "of a read: part of it; of a plan: noted"),
    ("put_projections", "a cache"),
    // The registry is a destination: its writes are noted as writes of a run, an import as an import.
    ("add_registry_asset_type", "a write of a run"),
    ("add_registry_assets", "a write of a run, or of an import"),
    ("update_registry_assets", "a write of a run"),
    ("add_registry_clients", "a write of a run, or of an import"),
    ("add_registry_site", "a write of a run"),
    ("add_registry_contacts", "an import"),
    ("add_registry_field", "a field a mapping asked for"),
];

struct Function {
    name: String,
    notes: bool,
}

/// Public asynchronous functions of a file that may write. Files are as rustfmt leaves them: a function ends with the
/// first brace that stands as far to the left as it began.
fn writing_functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(rest) = trimmed.strip_prefix("pub async fn ") else {
            continue;
        };
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let end = format!("{}}}", &line[..line.len() - trimmed.len()]);
        let body: Vec<&str> = lines[at..]
            .iter()
            .take_while(|line| **line != end)
            .copied()
            .collect();
        let body = body.join("\n");
        if body.contains(".write().await") || body.contains("&mut Tx") {
            found.push(Function {
                name,
                notes: body.contains(".note(") || body.contains("note_in("),
            });
        }
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_public_function_that_writes_makes_an_audit_entry_or_says_why_not() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut found = Vec::new();
    for file in files {
        found.extend(writing_functions(&std::fs::read_to_string(file).unwrap()));
    }
    assert!(found.len() > 40, "the sources are read: {}", found.len());
    let exempt = |name: &str| NOT_NOTED.iter().any(|(exempt, _)| *exempt == name);
    let silent = found.iter().filter(|f| !f.notes && !exempt(&f.name));
    let silent: Vec<&str> = silent.map(|f| f.name.as_str()).collect();
    assert!(
        silent.is_empty(),
        "these write and make no audit entry: {silent:?}. Note what they do (store/src/audit.rs), or say here why not"
    );
    let stale = NOT_NOTED
        .iter()
        .filter(|(name, _)| !found.iter().any(|f| f.name == *name && !f.notes));
    let stale: Vec<&str> = stale.map(|(name, _)| *name).collect();
    assert!(stale.is_empty(), "these are noted by now, or gone: {stale:?}");
}

#[test]
fn a_function_that_forgot_its_entry_is_found() {
    let text = "impl Store {\n    pub async fn careless(&self) -> Result<()> {\n        let mut tx = self.write().await?;\n    \
                    execute!(tx, \"DELETE FROM run\")?;\n        tx.commit().await\n    }\n\n    pub async fn careful(&self) {\n        \
                    let mut tx = self.write().await?;\n        self.note(&mut tx, &[]).await?;\n    }\n}\n";
    let found = writing_functions(text);
    let silent: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.notes)).collect();
    assert_eq!(silent, [("careless", false), ("careful", true)]);
}
