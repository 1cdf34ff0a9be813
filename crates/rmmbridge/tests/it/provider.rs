//! The identity provider on the command line: set up, tested, shown and removed, and its secret never told again.

use crate::program::Program;
use simulators::identity::{Identity, Options, Slip};

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_set_up_tested_and_removed_and_its_secret_is_not_told() {
    let identity = Identity::start_on_loopback(Options::default()).await.unwrap();
    let issuer = identity.issuer();
    let program = Program::new();
    let shown = program.works(&[
        "people",
        "provider",
        "show",
        "--public-url",
        "https://hub.example.com",
    ]);
    assert!(
        shown.contains("There is none")
            && shown.contains("https://hub.example.com/sign-in/provider/callback"),
        "{shown}"
    );
    program.refuses(&["people", "provider", "test"], &["not set up"]);
    let set = |more: &[&'static str]| {
        let name = [
            "people",
            "provider",
            "set",
            "--name",
            "Company account",
            "--issuer",
        ];
        let mut all = name.map(str::to_owned).to_vec();
        all.push(issuer.clone());
        all.extend(["--client-id", "demo-oidc"].map(str::to_owned));
        all.extend(more.iter().map(|more| (*more).to_owned()));
        all
    };
    let words = set(&["--secret"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let private = [&words[..], &["--allow-private-hosts"]].concat();
    program.refuses(
        &[&private[..], &["--admit", "technician"]].concat(),
        &["nothing was given"],
    );
    let told = program.works_with(&private, "demo-oidc-secret\n");
    assert!(told.contains("nobody who was not invited"), "{told}");
    // Without a new secret the old one stays, but not for another app.
    let again = set(&[
        "--allow-private-hosts",
        "--admit",
        "viewer",
        "--domain",
        "example.com",
    ]);
    let again: Vec<&str> = again.iter().map(String::as_str).collect();
    let told = program.works(&again);
    assert!(
        told.contains("whoever has an address of example.com, as Viewer"),
        "{told}"
    );
    let other: Vec<&str> = again
        .iter()
        .map(|word| if *word == "demo-oidc" { "another" } else { *word })
        .collect();
    program.refuses(&other, &["client_secret: Issuer or client ID changed"]);

    let tested = program.works(&["people", "provider", "test"]);
    assert!(tested.contains("ok      Configuration and keys"), "{tested}");
    identity.slip(&[Slip::OtherIssuer]);
    let failed = program.ends(1, &["people", "provider", "test"]);
    assert!(
        failed.out.contains("FAILED") && failed.out.contains("calls itself otherwise"),
        "{failed:#?}"
    );
    for out in [
        program.works(&["people", "provider", "show", "--json"]),
        program.works(&["audit", "list"]),
        program.works(&["export"]),
    ] {
        assert!(!out.contains("demo-oidc-secret"), "{out}");
    }
    program.works(&["people", "add", "ada@example.test"]);
    let unlinked = program.works(&["people", "unlink", "ada@example.test"]);
    assert!(unlinked.contains("no account linked"), "{unlinked}");
    assert!(
        program
            .works(&["people", "provider", "remove"])
            .contains("is removed")
    );
    identity.shutdown().await;
}
