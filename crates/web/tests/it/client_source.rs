//! HumanizeIT's way: on each client, which source is in use and which organization it is linked to.

use crate::estate::{clients, connected, ninja, read};
use crate::world::{Answer, Visitor, World, site};
use axum::http::StatusCode;
use connect::Secrets;
use engine::connecting::ConnectionRequest;
use engine::{Quiet, Work};
use model::{ActorRole, Bridge, RecordId};
use simulators::ninjaone::NinjaOne;
use std::sync::Arc;
use testkit::TestStore;
use testkit::psa::{KIND, TestPsa};
use tokio_util::sync::CancellationToken;

struct Both {
    world: World,
    ninja: NinjaOne,
    psa: TestPsa,
    rmm_bridge: Bridge,
    psa_bridge: Option<Bridge>,
    client: RecordId,
}

impl Both {
    /// A client called Acme Corp, a bridge from NinjaOne in HumanizeIT's preset, and a PSA nobody has connected yet.
    async fn new(store: TestStore) -> Self {
        let psa = TestPsa::with(&[("Acme Corp", &["FRONT-DESK"]), ("Somebody Else", &["ELSEWHERE"])]);
        let more = vec![Arc::new(psa.clone()) as Arc<dyn connect::Connector>];
        let world = World::with(store, site("http://127.0.0.1:8790"), more).await;
        let ninja = ninja(3, &["Acme Corporation", "Contoso Clinic", "Acme Corp2"]).await;
        let source = connected(&world, &ninja).await;
        let registry = world.engine.registry_connection(&world.console).await.unwrap();
        let ids = clients(&world, &["Acme Corp", "Contoso Clinic"]).await;
        let add = world
            .engine
            .add_bridge(&world.console, "RMM", &source.id, &registry.id, "humanizeit");
        let rmm_bridge = add.await.unwrap();
        read(&world, &source.id).await;
        Self {
            client: ids[0].clone(),
            world,
            ninja,
            psa,
            rmm_bridge,
            psa_bridge: None,
        }
    }

    /// Connects the PSA and bridges it into the registry, too.
    async fn with_psa(mut self) -> Self {
        let (engine, actor) = (&self.world.engine, &self.world.console);
        let request = ConnectionRequest {
            kind: KIND.to_owned(),
            name: "our PSA".to_owned(),
            settings: serde_json::json!({}),
            secrets: Secrets::new(),
            allow_private_hosts: false,
        };
        let source = engine.save_connection(actor, request).await.unwrap();
        let registry = engine.registry_connection(actor).await.unwrap();
        let add = engine.add_bridge(actor, "PSA", &source.id, &registry.id, "default");
        self.psa_bridge = Some(add.await.unwrap());
        read(&self.world, &source.id).await;
        self
    }

    fn address(&self) -> String {
        format!("/clients/{}", self.client)
    }

    fn psa_bridge(&self) -> &Bridge {
        self.psa_bridge.as_ref().unwrap()
    }

    /// Presses Sync, and does what that put into the queue; the bridges it was about.
    async fn sync(&self, visitor: &mut Visitor, once: &str) -> Vec<String> {
        let before = self
            .world
            .store
            .jobs(&Default::default(), 100)
            .await
            .unwrap()
            .len();
        let answer = visitor
            .post(&format!("{}/sync", self.address()), &[("once", once)])
            .await;
        assert!(
            answer.to().is_some_and(|to| to.starts_with("/jobs/")),
            "{answer:?}"
        );
        let mut jobs = self.world.store.jobs(&Default::default(), 100).await.unwrap();
        jobs.truncate(jobs.len() - before);
        let mut about = Vec::new();
        for job in jobs {
            let bridge = self.world.store.bridge(&job.bridge.unwrap()).await.unwrap();
            let (engine, actor) = (&self.world.engine, &self.world.console);
            let runner = engine.become_runner(actor).await.unwrap();
            let stop = CancellationToken::new();
            let work = Work {
                progress: &Quiet,
                stop: &stop,
            };
            let synced = engine
                .sync_client(actor, &runner, &bridge, &self.client, true, work)
                .await;
            synced.unwrap();
            runner.leave().await;
            about.push(bridge.name);
        }
        about
    }
}

/// The value of the button called `name` beside `organization`.
fn button(page: &Answer, organization: &str, name: &str) -> String {
    let line = page
        .main()
        .split("<li>")
        .find(|line| line.contains(&format!("<bdi>{organization}</bdi>")) && line.contains("<button"));
    let line = line.unwrap_or_else(|| panic!("{organization} can be chosen: {}", page.text()));
    let value = line.split(&format!(r#"name="{name}" value=""#)).nth(1);
    let value = value.unwrap_or_else(|| panic!("{name}: {line}"));
    value.split('"').next().unwrap().replace("&#9;", "\t")
}

#[tokio::test]
async fn h30_h31_the_pencil_is_shown_only_when_both_a_psa_and_an_rmm_are_configured() {
    TestStore::on_every_engine(async |store| {
        let both = Both::new(store).await;
        let mut technician = both.world.signed_in(ActorRole::Technician).await;
        let pencil = format!(r#"href="{}/source""#, both.address());
        let page = technician.get(&both.address()).await;
        assert!(!page.body.contains(&pencil), "{}", page.main());
        let both = both.with_psa().await;
        let page = technician.get(&both.address()).await;
        assert!(page.body.contains(&pencil), "{}", page.main());
        assert!(page.body.contains(r#"data-dialog="source""#), "{}", page.main());
        // Who may change nothing is shown none.
        let mut viewer = both.world.signed_in(ActorRole::Viewer).await;
        assert!(!viewer.get(&both.address()).await.body.contains(&pencil));
        both.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn h32_h33_h36_h37_h38_h39_an_organization_is_searched_linked_and_unlinked_and_nothing_else_is_touched()
{
    TestStore::on_every_engine(async |store| {
        let both = Both::new(store).await.with_psa().await;
        let store = &both.world.store;
        let source = format!("{}/source", both.address());
        let rmm = both.rmm_bridge.id.to_string();
        let mut technician = both.world.signed_in(ActorRole::Technician).await;
        let page = technician.get(&format!("{source}?bridge={rmm}")).await;
        // H34, H37: what similarity found stands first, and is linked; a person may choose another.
        let names: Vec<&str> = page
            .main()
            .split("<li><div><b><bdi>")
            .skip(1)
            .map(|line| line.split("</bdi>").next().unwrap())
            .collect();
        assert_eq!(names, ["Acme Corp2", "Acme Corporation", "Contoso Clinic"]);
        let found = technician
            .get(&format!("{source}?bridge={rmm}&q=CORPORATION"))
            .await;
        assert!(found.text().contains("Acme Corporation"), "{}", found.text());
        assert!(!found.text().contains("Contoso"), "{}", found.text());
        let nobody = technician.get(&format!("{source}?bridge={rmm}&q=zzz")).await;
        assert!(
            nobody.text().contains("No organization's name contains that."),
            "{}",
            nobody.text()
        );

        let elsewhere = store.decisions(&both.psa_bridge().id).await.unwrap();
        let links = store
            .links(&both.psa_bridge().id, model::RecordKind::Client)
            .await
            .unwrap();
        let link = button(&found, "Acme Corporation", "link");
        let form = [("bridge", rmm.as_str()), ("link", &link)];
        let linked = technician.post(&source, &form).await;
        assert_eq!(linked.to(), Some(both.address().as_str()));
        let page = technician.get(&both.address()).await;
        for part in [
            "Acme Corporation is linked to Acme Corp.",
            "Acme Corporation Linked",
            "through bridge RMM",
        ] {
            assert!(page.text().contains(part), "{part}: {}", page.text());
        }
        // H39: what the PSA has of this client is what it was.
        assert_eq!(store.decisions(&both.psa_bridge().id).await.unwrap(), elsewhere);
        let after = store
            .links(&both.psa_bridge().id, model::RecordKind::Client)
            .await
            .unwrap();
        assert_eq!(after, links);
        // The same once more is no quarrel; the old page does not take back what was decided since.
        technician.post(&source, &form).await;
        assert!(
            technician
                .get(&both.address())
                .await
                .text()
                .contains("is linked to Acme Corp.")
        );
        let old = [("bridge", rmm.as_str()), ("unlink", link.as_str())];
        technician.post(&source, &old).await;
        assert!(
            technician
                .get(&both.address())
                .await
                .text()
                .contains("Somebody decided about")
        );

        let page = technician.get(&format!("{source}?bridge={rmm}")).await;
        let unlink = button(&page, "Acme Corporation", "unlink");
        technician
            .post(&source, &[("bridge", rmm.as_str()), ("unlink", &unlink)])
            .await;
        let page = technician.get(&both.address()).await;
        assert!(
            page.text().contains("is linked to Acme Corp no more"),
            "{}",
            page.text()
        );
        assert!(
            !page.text().contains("Acme Corporation Linked"),
            "{}",
            page.text()
        );
        both.ninja.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn h40_h41_sync_pulls_from_the_source_in_use_and_from_no_other() {
    TestStore::on_every_engine(async |store| {
        let both = Both::new(store).await.with_psa().await;
        let source = format!("{}/source", both.address());
        let [rmm, psa] = [&both.rmm_bridge, both.psa_bridge()].map(|bridge| bridge.id.to_string());
        let mut technician = both.world.signed_in(ActorRole::Technician).await;
        let link = async |technician: &mut Visitor, bridge: &str, name: &str| {
            let page = technician.get(&format!("{source}?bridge={bridge}")).await;
            let value = button(&page, name, "link");
            technician
                .post(&source, &[("bridge", bridge), ("link", &value)])
                .await;
        };
        let read_before = both.psa.reads().len();
        link(&mut technician, &rmm, "Acme Corporation").await;
        assert_eq!(both.sync(&mut technician, "1").await, ["RMM"]);
        assert_eq!(both.psa.reads().len(), read_before, "the PSA was not even asked");
        let assets = async |technician: &mut Visitor| technician.get(&both.address()).await.text();
        let first = assets(&mut technician).await;
        assert!(
            !first.contains("FRONT-DESK") && !first.contains("of 0"),
            "{first}"
        );

        // The other source is taken into use by linking one of its customers, or by its button.
        let page = technician.get(&format!("{source}?bridge={psa}")).await;
        assert!(
            page.text().contains("Acme Corp Linked"),
            "its name is the same: {}",
            page.text()
        );
        let unlink = button(&page, "Acme Corp", "unlink");
        technician
            .post(&source, &[("bridge", psa.as_str()), ("unlink", &unlink)])
            .await;
        link(&mut technician, &psa, "Acme Corp").await;
        let page = assets(&mut technician).await;
        assert!(page.contains("Acme Corporation Linked Not in use"), "{page}");
        let asked = both.ninja.seen().len();
        assert_eq!(both.sync(&mut technician, "2").await, ["PSA"]);
        assert_eq!(both.ninja.seen().len(), asked, "NinjaOne was not asked");
        let page = assets(&mut technician).await;
        assert!(page.contains("FRONT-DESK"), "{page}");

        // A plan of the whole other bridge leaves this client's assets as they are.
        let (engine, actor) = (&both.world.engine, &both.world.console);
        let runner = engine.become_runner(actor).await.unwrap();
        let stop = CancellationToken::new();
        let work = Work {
            progress: &Quiet,
            stop: &stop,
        };
        let bridge = both.world.store.bridge(&both.rmm_bridge.id).await.unwrap();
        let plan = engine
            .make_plan(actor, &runner, &bridge, None, work)
            .await
            .unwrap();
        let operations = engine.operations(actor, &plan.id, 0, 1000).await.unwrap();
        let about_it = operations.iter().filter(|operation| {
            operation.subject.kind == model::RecordKind::Asset && operation.client_label == "Acme Corp"
        });
        assert_eq!(about_it.count(), 0);
        runner.leave().await;
        // Back again, by the button.
        technician
            .post(&source, &[("bridge", rmm.as_str()), ("use", "yes")])
            .await;
        assert_eq!(both.sync(&mut technician, "3").await, ["RMM"]);
        let refused = technician.post(&source, &[("bridge", rmm.as_str())]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let mut viewer = both.world.signed_in(ActorRole::Viewer).await;
        let refused = viewer
            .post(&source, &[("bridge", rmm.as_str()), ("use", "yes")])
            .await;
        assert_eq!(
            refused.status,
            StatusCode::FORBIDDEN,
            "the source in use is a decision"
        );
        both.ninja.shutdown().await;
    })
    .await;
}
