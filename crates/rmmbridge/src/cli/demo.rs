//! `demo`: the whole way against a simulated NinjaOne, on a fresh database, in one go.

use super::bridge::registry;
use super::connect::CALLBACK_PATHS;
use super::serve::{SiteArguments, pages_and_worker};
use super::{matching, plan};
use crate::output::Output;
use crate::platform::holder;
use crate::session::{Location, Session};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use connect::Secrets;
use connect::callback::{CallbackListener, Ending};
use engine::applying::ApplyOptions;
use engine::connecting::ConnectionRequest;
use engine::undoing::UndoScope;
use model::{ActorRole, Bridge, Connection, PlanSummary, Run};
use secrecy::ExposeSecret as _;
use simulators::ninjaone::{NinjaOne, Options};
use simulators::technician::Technician;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use store::RunnerLock;
use web::Prefill;

/// Marks a directory as one the demo may empty.
const MARKER: &str = "made-by-rmmbridge-demo";

/// One of so many organizations is a client the MSP has already when it starts.
const KNOWN: usize = 3;

#[derive(Debug, Args)]
pub struct DemoArguments {
    /// How many devices the simulated estate has
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    devices: u32,

    /// What the estate is made from
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Serve the web pages with an estate nobody has connected yet, instead of telling the story
    #[arg(long)]
    serve: bool,

    #[command(flatten)]
    site: SiteArguments,
}

pub async fn run(
    arguments: DemoArguments,
    location: Location,
    output: Output,
    quiet: bool,
) -> anyhow::Result<ExitCode> {
    ensure!(
        location.database.is_none(),
        "the demo makes a database of its own: leave --database and RMMBRIDGE_DATABASE out"
    );
    let directory = fresh_directory(&location.data_dir)?;
    let fresh = Location {
        data_dir: directory.clone(),
        ..location
    };
    let session = Session::open(&fresh, "demo", quiet).await?;
    let told = if arguments.serve {
        serve_untouched(&session, &arguments, output).await
    } else {
        tell(&session, &arguments, &directory, output).await
    };
    session.close().await;
    told.map(|()| ExitCode::SUCCESS)
}

/// A directory of the demo's own, emptied if an earlier demo made it, refused if anybody else did.
fn fresh_directory(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let directory = data_dir.join("demo");
    if directory.exists() {
        ensure!(
            directory.join(MARKER).exists(),
            "{} is there and no demo made it. Give another directory with --data-dir",
            directory.display()
        );
        // Another demo may be at work in there; its lock goes with the directory.
        let _alone = RunnerLock::take(&directory, &holder("demo"))?;
        std::fs::remove_dir_all(&directory).with_context(|| format!("emptying {}", directory.display()))?;
    }
    std::fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    std::fs::write(
        directory.join(MARKER),
        "rmmbridge demo empties this directory each time\n",
    )
    .with_context(|| format!("writing in {}", directory.display()))?;
    Ok(directory)
}

async fn tell(
    session: &Session,
    arguments: &DemoArguments,
    directory: &Path,
    output: Output,
) -> anyhow::Result<()> {
    let (engine, actor) = (&session.engine, &session.actor);
    let runner = engine.become_runner(actor).await?;

    output.say("1. A simulated NinjaOne starts, and rmmbridge connects to it by OAuth.\n")?;
    let listener = CallbackListener::bind(0, &CALLBACK_PATHS).await?;
    let mut options = Options {
        devices: usize::try_from(arguments.devices)?,
        seed: arguments.seed,
        ..Options::default()
    };
    options.oauth = options.oauth.with_redirect_uri("demo-web", &listener.redirect());
    let ninja = NinjaOne::start_on_loopback(options)
        .await
        .context("starting the simulator")?;
    let connection = connect(session, &ninja, listener).await?;
    output.say(&format!("   {}: {}\n", connection.name, connection.state))?;

    output
        .say("2. The registry already knows a few clients, spelt a little differently here and there.\n")?;
    let registry = registry(session).await?;
    let csv = clients_csv(&ninja);
    engine
        .import_clients(actor, "clients.csv", csv.as_bytes())
        .await?;

    output.say("3. Everything is read, and organizations are matched to clients.\n")?;
    let bridge = engine
        .add_bridge(actor, "assets", &connection.id, &registry.id, "humanizeit")
        .await?;
    let read = engine
        .read(actor, &runner, &bridge.source, None, session.work())
        .await?;
    session.progress.clear();
    output.say(&format!(
        "   {} devices in {} requests\n",
        read.snapshot.devices, read.snapshot.requests
    ))?;
    let found = engine.matching(actor, &bridge).await?;
    matching_sample(&found, output)?;
    // What nobody has decided is decided here as a person would: new customers are created.
    let undecided = found
        .rows
        .iter()
        .filter(|r| matches!(r.status, model::OrganizationMatch::Undecided { .. }));
    let decisions: Vec<_> = undecided
        .map(|r| (r.organization.id.clone(), Some(model::Verdict::Create)))
        .collect();
    output.say(&format!(
        "   {} open questions: a client is created for each of them\n",
        decisions.len()
    ))?;
    engine.decide(actor, &bridge, decisions).await?;
    // A decision moves the bridge's generation on: plans are made of the bridge as it is now.
    let bridge = engine.find_bridge(actor, Some(bridge.id.as_str())).await?;

    output.say("4. The plan: what would be written, before anything is.\n")?;
    let first = engine
        .make_plan(actor, &runner, &bridge, None, session.work())
        .await?;
    session.progress.clear();
    show_plan(session, &first, output).await?;

    output.say("5. It is applied.\n")?;
    let run = apply(session, &runner, &first).await?;
    say_run(&run, output)?;

    output
        .say("6. A day passes at NinjaOne. The same again: only the difference is planned and written.\n")?;
    ninja.let_a_day_pass(0.02);
    let second = again(session, &runner, &bridge).await?;
    show_plan(session, &second, output).await?;
    let day = apply(session, &runner, &second).await?;
    say_run(&day, output)?;

    output.say("7. And once more: nothing is left to do.\n")?;
    let third = again(session, &runner, &bridge).await?;
    output.say(&indented(&plan::render_summary(&third)))?;
    ensure!(
        third.counts.writes() == 0,
        "the third plan should write nothing, and would write {}",
        third.counts.writes()
    );

    output.say("8. The run of that day is undone: what it wrote goes back, as a plan of its own.\n")?;
    let undo = engine
        .undo_plan(actor, &runner, &day, &UndoScope::default(), session.work())
        .await?;
    session.progress.clear();
    show_plan(session, &undo, output).await?;
    let run = apply(session, &runner, &undo).await?;
    say_run(&run, output)?;

    output.say("9. A last plan: what was undone is not written again before somebody releases it.\n")?;
    let last = again(session, &runner, &bridge).await?;
    show_plan(session, &last, output).await?;
    ensure!(
        last.counts.writes() == 0,
        "the last plan should write nothing, and would write {}",
        last.counts.writes()
    );
    ninja.shutdown().await;

    let document = serde_json::json!({
        "data_dir": directory, "devices": read.snapshot.devices, "requests": read.snapshot.requests,
        "first_plan": first, "second_plan": second, "third_plan": third,
        "undo_plan": undo, "last_plan": last,
    });
    output.show(&document, || ending(directory))
}

/// The pages on a registry with a few clients, beside a simulated NinjaOne that nobody has connected to.
async fn serve_untouched(session: &Session, arguments: &DemoArguments, output: Output) -> anyhow::Result<()> {
    let (doors, mut site) = arguments.site.bind().await?;
    let mut options = Options {
        devices: usize::try_from(arguments.devices)?,
        seed: arguments.seed,
        ..Options::default()
    };
    options.oauth = options.oauth.with_redirect_uri("demo-web", &site.redirect_uri());
    let ninja = NinjaOne::start_on_loopback(options)
        .await
        .context("starting the simulator")?;
    let (engine, actor) = (&session.engine, &session.actor);
    registry(session).await?;
    let csv = clients_csv(&ninja);
    engine
        .import_clients(actor, "clients.csv", csv.as_bytes())
        .await?;
    let person = engine.add_person(actor, "demo", ActorRole::Owner, None).await?;
    let token = engine.sign_in_token(actor, &person.name).await?;
    let link = site.address(&format!("/sign-in/link?token={}", token.expose_secret()));
    let ninja_url = ninja.base_url();
    let field = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    site.prefill = Some(Prefill {
        kind: "ninjaone".to_owned(),
        fields: vec![
            field("setting.region", "custom"),
            field("setting.base_url", &ninja_url),
            field("setting.client_id", "demo-web"),
            field("private_hosts", "on"),
        ],
        note: "This is the demo: the form is filled in for its simulated NinjaOne. The client secret is demo-web-secret; on \
               the consent page sign in as tech@example.test with demo-password."
            .to_owned(),
    });
    let document = serde_json::json!({ "url": site.public_url, "link": link, "ninjaone": ninja_url });
    output.show(&document, || {
        format!(
            "rmmbridge: {}\n\nOpen this link, which signs you in once:\n{link}\n\n\
             Then connect the simulated NinjaOne with its {} devices: the form there is filled in and says the rest.\n\
             The registry beside it has a few clients already, some of them spelt a little differently.\n\n\
             Ctrl-C ends it.",
            site.public_url, arguments.devices
        )
    })?;
    let served = pages_and_worker(session, doors, site, 2).await;
    ninja.shutdown().await;
    served
}

/// Connects by consent, with a technician who signs in and agrees.
async fn connect(
    session: &Session,
    ninja: &NinjaOne,
    listener: CallbackListener,
) -> anyhow::Result<Connection> {
    let (engine, actor) = (&session.engine, &session.actor);
    let request = ConnectionRequest {
        kind: "ninjaone".to_owned(),
        name: "ninjaone".to_owned(),
        settings: serde_json::json!({ "region": "custom", "base_url": ninja.base_url(), "client_id": "demo-web" }),
        secrets: Secrets::from([("client_secret".to_owned(), "demo-web-secret".into())]),
        allow_private_hosts: true,
    };
    let connection = engine.save_connection(actor, request).await?;
    let redirect = listener.redirect();
    let pending = engine.begin_consent(actor, &connection.id, &redirect).await?;
    let technician = Technician {
        email: "tech@example.test".into(),
        password: "demo-password".into(),
        agrees: true,
    };
    let (page, callback) = (
        pending.url.clone(),
        listener.wait(&pending.state, Duration::from_secs(30)),
    );
    let (consented, finished) = tokio::join!(technician.consent(&page, &redirect), async {
        let callback = callback.await?;
        let finished = engine
            .finish_consent(actor, &connection.id, &pending, callback.query())
            .await;
        let ending = match &finished {
            Ok(_) => Ending::Complete,
            Err(error) => Ending::Failed {
                what: error.to_string(),
                next: String::new(),
            },
        };
        callback.answer(ending).await;
        anyhow::Ok(finished?)
    });
    match (consented, finished) {
        (_, Ok(connection)) => Ok(connection),
        (Err(error), Err(_)) => bail!(error),
        (Ok(_), Err(error)) => Err(error),
    }
}

/// Some of the estate's organizations as a CSV of clients: every other one as it is, the rest with a small difference.
fn clients_csv(ninja: &NinjaOne) -> String {
    let mut csv = String::from("name\n");
    let organizations = ninja.organizations();
    let known = organizations.len().div_ceil(KNOWN);
    for (i, (_, name)) in organizations.into_iter().enumerate().take(known) {
        let name = match i % 4 {
            1 => name.to_uppercase(),
            3 => format!("{name}."),
            _ => name,
        };
        csv.push_str(&format!("\"{}\"\n", name.replace('"', "\"\"")));
    }
    csv
}

fn matching_sample(found: &engine::matching::Matching, output: Output) -> anyhow::Result<()> {
    output.say(&format!("   {}", matching::totals(found)))?;
    let matched = found.rows.iter().filter_map(|r| match &r.status {
        model::OrganizationMatch::Matched { reason, .. } => Some((&r.organization.name, reason)),
        _ => None,
    });
    for (name, reason) in matched.take(4) {
        output.say(&format!("   {}: {}", plan_text(name), plan_text(reason)))?;
    }
    Ok(())
}

fn plan_text(text: &str) -> String {
    ::plan::render::visible(text)
}

async fn again(session: &Session, runner: &engine::Runner, bridge: &Bridge) -> anyhow::Result<PlanSummary> {
    let (engine, actor) = (&session.engine, &session.actor);
    engine
        .read(actor, runner, &bridge.source, None, session.work())
        .await?;
    let plan = engine
        .make_plan(actor, runner, bridge, None, session.work())
        .await?;
    session.progress.clear();
    Ok(plan)
}

async fn apply(session: &Session, runner: &engine::Runner, plan: &PlanSummary) -> anyhow::Result<Run> {
    let options = ApplyOptions {
        confirmed: true,
        ..ApplyOptions::default()
    };
    let run = session
        .engine
        .apply(&session.actor, runner, &plan.id, options, session.work())
        .await?;
    session.progress.clear();
    Ok(run)
}

fn say_run(run: &Run, output: Output) -> anyhow::Result<()> {
    ensure!(
        run.counts.failed + run.counts.unknown == 0,
        "{} records were not written",
        run.counts.failed
    );
    let seconds = run
        .finished
        .map_or(0.0, |end| run.started.duration_until(end).as_secs_f64());
    output.say(&format!(
        "   {} records written in {seconds:.1} s\n",
        run.counts.done
    ))
}

/// A plan's summary, and of each sort of operation the first two.
async fn show_plan(session: &Session, plan: &PlanSummary, output: Output) -> anyhow::Result<()> {
    output.say(&indented(&plan::render_summary(plan)))?;
    for action in [
        "create_client",
        "link",
        "create_asset_type",
        "create_asset",
        "update_asset",
        "archive_asset",
        "restore_asset",
        "unlink",
        "skip",
        "review",
    ] {
        let (operations, _) = plan::operations(session, plan, &[action.to_owned()], 2).await?;
        for operation in operations {
            output.say(&indented(&::plan::render::operation(&operation)))?;
        }
    }
    output.say("")
}

fn indented(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("   {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn ending(directory: &Path) -> String {
    format!(
        "Look around in what the demo made:\n\
         \x20 rmmbridge --data-dir {dir} assets --limit 10\n\
         \x20 rmmbridge --data-dir {dir} match\n\
         \x20 rmmbridge --data-dir {dir} runs\n\
         \x20 rmmbridge --data-dir {dir} undo --list\n\n\
         With your own NinjaOne account:\n\
         \x20 rmmbridge connect --region us --client-id <your app's client ID>    (rmmbridge connect --help says how to make the app)\n\
         \x20 rmmbridge bridge add --preset humanizeit\n\
         \x20 rmmbridge plan --read            shows what would be written; nothing is written before rmmbridge apply\n",
        dir = directory.display()
    )
}
