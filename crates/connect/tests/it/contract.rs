//! The destination contract itself: a good destination keeps it, and each way of breaking it is noticed.

use crate::ledger::{Fault, Ledger};
use connect::Destination;
use connect::contract::{Trial, destination_contract, destination_contract_with};
use std::sync::Arc;

async fn breached(fault: Fault) -> Vec<&'static str> {
    let make = async || Arc::new(Ledger::new(Some(fault))) as Arc<dyn Destination>;
    let breaches = destination_contract(make)
        .await
        .expect_err(&format!("{fault:?} went unnoticed"));
    breaches.0.iter().map(|breach| breach.clause).collect()
}

#[tokio::test]
async fn a_good_destination_keeps_the_contract() {
    destination_contract(async || Arc::new(Ledger::new(None)) as Arc<dyn Destination>)
        .await
        .unwrap();
}

#[tokio::test]
async fn one_account_may_serve_all_clauses_and_several_runs() {
    let account: Arc<dyn Destination> = Arc::new(Ledger::new(None));
    for run in ["", " second", " third"] {
        let trial = Trial {
            suffix: run.to_owned(),
            ..Trial::default()
        };
        destination_contract_with(async || Arc::clone(&account), &trial)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_modest_destination_keeps_what_it_promises() {
    destination_contract(async || Arc::new(Ledger::modest()) as Arc<dyn Destination>)
        .await
        .unwrap();
}

#[tokio::test]
async fn one_whose_records_stay_as_they_were_made_keeps_the_contract_too() {
    destination_contract(async || Arc::new(Ledger::fixed(None)) as Arc<dyn Destination>)
        .await
        .unwrap();
    let fault = Some(Fault::DoesWhatItCannot);
    let make = async || Arc::new(Ledger::fixed(fault)) as Arc<dyn Destination>;
    let breaches = destination_contract(make).await.unwrap_err();
    let clauses: Vec<&str> = breaches.0.iter().map(|breach| breach.clause).collect();
    assert_eq!(clauses, ["what it says it cannot do is refused"]);
}

#[tokio::test(start_paused = true)]
async fn every_breach_is_noticed_by_the_clause_about_it() {
    let names = "names are kept byte for byte";
    let batch = "one bad write does not stop the others";
    let scopes = "assets are read by scope";
    let refused = "what refers to nothing is refused";
    let stale = "nothing is changed when a field is not as the plan saw it";
    let archived = "an asset is archived, not deleted";
    let moves = "an asset moves to another client, site and type";
    let field = "a field is created once and can be written";
    for (fault, clause) in [
        (Fault::TrimsNames, names),
        (Fault::FoldsUnicode, names),
        (
            Fault::ForgetsMarks,
            "a client is created, listed and found by its mark",
        ),
        (Fault::MixesKindsOfMarks, "a site is created under its client"),
        (
            Fault::HidesDuplicates,
            "an asset created twice is found as often as it exists",
        ),
        (Fault::IgnoresBefore, stale),
        (Fault::HalfAnUpdate, stale),
        (
            Fault::UpdatesNothing,
            "a field is changed when it is as the plan saw it",
        ),
        (
            Fault::OverwritesTheRest,
            "a field is changed when it is as the plan saw it",
        ),
        (Fault::EmptyIsNotBlank, "blank, null and absent are the same"),
        (Fault::Deletes, archived),
        (Fault::HidesArchived, archived),
        (Fault::LeavesItInTheArchive, "an archived asset comes back"),
        (Fault::ArchivesTheUnknown, refused),
        (Fault::AcceptsAnyClient, refused),
        (Fault::StopsAtTheFirstError, batch),
        (Fault::AnswersOutOfOrder, batch),
        (Fault::MissingIsAnError, scopes),
        (Fault::AnswersTwice, scopes),
        (Fault::EverybodysAssets, scopes),
        (Fault::NumbersFromText, "text is kept byte for byte"),
        (Fault::CreatesFieldsTwice, field),
        (
            Fault::NewIdsOnEveryReading,
            "ids and values are the same on every reading",
        ),
        (
            Fault::FailsItsCheck,
            "the check passes on a connection that works",
        ),
        (Fault::WaitsForTheReader, "a reader that goes away does not block"),
        (Fault::IgnoresMoves, moves),
        (Fault::KeepsTheSite, moves),
        (Fault::LosesTheGroup, "an asset type is created in its group"),
        (Fault::SitesEverywhere, "a site is created under its client"),
        (Fault::SameKeyTwice, "target fields have keys of their own"),
    ] {
        let breached = breached(fault).await;
        assert!(
            breached.contains(&clause),
            "{fault:?} was noticed by {breached:?} instead of {clause:?}"
        );
    }
}

#[tokio::test]
async fn a_breach_reads_as_a_sentence() {
    let make = async || Arc::new(Ledger::new(Some(Fault::FailsItsCheck))) as Arc<dyn Destination>;
    let text = destination_contract(make).await.unwrap_err().to_string();
    let head = "the destination contract does not hold, broken clauses: 1\n  the check passes";
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains("May write"), "{text}");
}
