use super::*;
use jiff::Timestamp;

/// What is known, in short; `outcome` runs the rules over it.
#[derive(Clone, Default)]
struct Known {
    organizations: Vec<(&'static str, &'static str)>,
    /// Id, name, stored organization id.
    clients: Vec<(&'static str, &'static str, Option<&'static str>)>,
    links: Vec<(&'static str, &'static str)>,
    decisions: Vec<(&'static str, Verdict)>,
    overtaken: Vec<&'static str>,
    serials: Vec<(&'static str, &'static str, u32, u32)>,
    rules: MatchingRules,
    new_organizations: NewOrganizations,
}

const UNGUARDED: Option<Similarity> = Some(Similarity {
    limit: 3,
    guarded: false,
});

fn known(organizations: &[(&'static str, &'static str)], clients: &[(&'static str, &'static str)]) -> Known {
    Known {
        organizations: organizations.to_vec(),
        clients: clients.iter().map(|&(id, name)| (id, name, None)).collect(),
        ..Known::default()
    }
}

fn matched_to(client: &str) -> Verdict {
    Verdict::Matched {
        client: client.into(),
    }
}

impl Known {
    fn unguarded(mut self) -> Self {
        self.rules.similar = UNGUARDED;
        self
    }

    fn creating(mut self) -> Self {
        self.new_organizations = NewOrganizations::Create;
        self
    }

    fn run(&self) -> BTreeMap<SourceId, OrganizationMatch> {
        let organization = |&(id, name): &(&str, &str)| Organization {
            id: id.into(),
            name: name.to_owned(),
            description: None,
        };
        let client = |&(id, name, stored): &(&str, &str, Option<&str>)| Client {
            id: id.into(),
            name: name.to_owned(),
            source_id: stored.map(str::to_owned),
        };
        let decision = |(id, verdict): &(&str, Verdict)| {
            let decision = Decision {
                organization: (*id).into(),
                verdict: verdict.clone(),
                decided_by: "person:ana".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            };
            (SourceId::from(*id), decision)
        };
        let shared = |&(organization, client, shared, of): &(&str, &str, u32, u32)| SharedSerials {
            organization: organization.into(),
            client: client.into(),
            shared,
            of,
        };
        match_organizations(&OrganizationsInput {
            organizations: &self.organizations.iter().map(organization).collect::<Vec<_>>(),
            clients: &self.clients.iter().map(client).collect::<Vec<_>>(),
            links: &self.links.iter().map(|&(o, c)| (o.into(), c.into())).collect(),
            decisions: &self.decisions.iter().map(decision).collect(),
            overtaken: &self.overtaken.iter().map(|&id| id.into()).collect(),
            rules: self.rules,
            new_organizations: self.new_organizations,
            shared_serials: &self.serials.iter().map(shared).collect::<Vec<_>>(),
        })
    }
}

/// `c1 SameName 0`, `c1 SimilarName 3 confirm`, `create`, `excluded`, `undecided c1 c2`.
fn short(found: &OrganizationMatch) -> String {
    match found {
        OrganizationMatch::Matched {
            client,
            how,
            distance,
            needs_confirmation,
            ..
        } => {
            let distance = distance.map(|d| format!(" {d}")).unwrap_or_default();
            let confirm = if *needs_confirmation { " confirm" } else { "" };
            format!("{client} {how:?}{distance}{confirm}")
        }
        OrganizationMatch::Create { .. } => "create".to_owned(),
        OrganizationMatch::Excluded { .. } => "excluded".to_owned(),
        OrganizationMatch::Undecided { suggestions, .. } => {
            let clients = suggestions
                .iter()
                .map(|s| format!(" {}", s.client))
                .collect::<String>();
            format!("undecided{clients}")
        }
    }
}

fn reason(found: &OrganizationMatch) -> &str {
    match found {
        OrganizationMatch::Matched { reason, .. }
        | OrganizationMatch::Create { reason }
        | OrganizationMatch::Excluded { reason }
        | OrganizationMatch::Undecided { reason, .. } => reason,
    }
}

#[track_caller]
fn check(known: &Known, expected: &[(&str, &str)]) {
    let found = known.run();
    let found: Vec<(&str, String)> = found.iter().map(|(id, m)| (id.as_str(), short(m))).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(id, m)| (*id, m.as_str())).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn check_reason(known: &Known, organization: &str, expected: &str) {
    assert_eq!(reason(&known.run()[&organization.into()]), expected);
}

#[test]
fn h34_a_similar_name_links_without_anybody_asking() {
    check(
        &known(&[("1", "Brightwater Legal")], &[("c", "Brightwater Legal.")]),
        &[("1", "c SimilarName 1")],
    );
    check(
        &known(&[("1", "Brightwater Legal")], &[("c", "brightwater  LEGAL")]),
        &[("1", "c SameName 0")],
    );
}

/// The rule as HumanizeIT states it: up to three characters, whatever the length.
#[test]
fn h35_up_to_three_characters_match_and_four_do_not() {
    for (name, expected) in [
        ("Northwind Traders", "c SameName 0"),
        ("Northwind Trader", "c SimilarName 1"),
        ("Northwind Trade", "c SimilarName 2 confirm"),
        ("Northwind Trad", "c SimilarName 3 confirm"),
        ("Northwind Tra", "undecided"),
        ("Nordwint Traders", "c SimilarName 3 confirm"),
        ("Nordwint Tradex", "undecided"),
    ] {
        check(
            &known(&[("1", name)], &[("c", "Northwind Traders")]).unguarded(),
            &[("1", expected)],
        );
    }
}

#[test]
fn h35_distance_is_counted_after_folding() {
    check(
        &known(&[("1", "ÅÄÖ Bygg")], &[("c", "åäö  BYGG AB")]).unguarded(),
        &[("1", "c SimilarName 3 confirm")],
    );
}

#[test]
fn h36_a_person_links_what_names_do_not() {
    let mut known = known(&[("1", "Acme"), ("2", "Globex")], &[("c", "Something else")]);
    check(&known, &[("1", "undecided"), ("2", "undecided")]);
    known.decisions = vec![("1", matched_to("c")), ("2", matched_to("c"))];
    // One client may be given to several organizations, by a person only.
    check(&known, &[("1", "c Person"), ("2", "c Person")]);
    check_reason(&known, "1", "chosen by person:ana");
}

#[test]
fn h37_a_person_overrides_the_similar_name() {
    let mut known = known(
        &[("1", "Brightwater Legal")],
        &[("c", "Brightwater Legals"), ("d", "Other")],
    )
    .unguarded();
    check(&known, &[("1", "c SimilarName 1")]);
    known.decisions = vec![("1", matched_to("d"))];
    check(&known, &[("1", "d Person")]);
    // Also over a link that an earlier match left behind.
    known.links = vec![("1", "c")];
    check(&known, &[("1", "d Person")]);
}

#[test]
fn each_rule_comes_before_the_next() {
    let mut known = known(
        &[("1", "Acme")],
        &[("c1", "Acme"), ("c2", "Other"), ("c3", "Third"), ("c4", "Acmee")],
    );
    check(&known, &[("1", "c1 SameName 0")]);
    known.clients[1].2 = Some("1");
    check(&known, &[("1", "c2 StoredId")]);
    known.links = vec![("1", "c3")];
    check(&known, &[("1", "c3 Link")]);
    known.decisions = vec![("1", matched_to("c4"))];
    check(&known, &[("1", "c4 Person")]);
    known.decisions = vec![("1", Verdict::Exclude)];
    check(&known, &[("1", "excluded")]);
    check_reason(&known, "1", "excluded by person:ana");
}

#[test]
fn an_earlier_rule_takes_both_sides() {
    let mut known = known(&[("1", "Acme"), ("2", "Acme")], &[("c", "Acme")]);
    known.links = vec![("1", "c")];
    // The client is taken; the second organization of that name is a question.
    check(&known, &[("1", "c Link"), ("2", "undecided c")]);
    check(
        &known.clone().creating(),
        &[("1", "c Link"), ("2", "undecided c")],
    );
    let OrganizationMatch::Undecided { suggestions, .. } = &known.run()[&"2".into()] else {
        panic!()
    };
    assert_eq!(
        suggestions[0].reason,
        "same name: \"Acme\"; matched with organization \"Acme\" already"
    );
}

#[test]
fn rules_that_are_off_do_nothing() {
    let mut known = known(
        &[("1", "Acme"), ("2", "Globex Europe Ltd")],
        &[("c", "Acme"), ("d", "Globex Europa Ltd")],
    );
    known.clients[1].2 = Some("1");
    known.serials = vec![("2", "c", 9, 10)];
    known.rules = MatchingRules {
        stored_id: false,
        same_name: true,
        similar: None,
        shared_serials: false,
    };
    check(&known, &[("1", "c SameName 0"), ("2", "undecided")]);
    known.rules.same_name = false;
    check(&known, &[("1", "undecided"), ("2", "undecided")]);
    known.rules.similar = UNGUARDED;
    check(&known, &[("1", "c SimilarName 0"), ("2", "d SimilarName 1")]);
}

#[test]
fn the_guard_turns_short_names_into_suggestions() {
    let guarded = known(&[("1", "Acme Inc")], &[("c", "Acme LLC")]);
    check(&guarded, &[("1", "undecided c")]);
    check(&guarded.clone().creating(), &[("1", "undecided c")]);
    let unguarded = guarded.unguarded();
    check(&unguarded, &[("1", "c SimilarName 2 confirm")]);
    check_reason(
        &unguarded,
        "1",
        "similar name: \"Acme Inc\" and \"Acme LLC\" are 2 characters apart; too far to be sure, so a person should \
         confirm it",
    );
    for (distance, length, within) in [
        (0, 0, true),
        (1, 7, false),
        (1, 8, true),
        (2, 15, false),
        (3, 24, true),
    ] {
        assert_eq!(
            within_guard(distance, &"é".repeat(length), &"x".repeat(length + 3)),
            within
        );
    }
}

#[test]
fn two_candidates_are_a_question() {
    let tie = known(
        &[("1", "Harbor Dental Group")],
        &[("c", "Harbor Dental Groups"), ("d", "Harbor Dental Grou")],
    );
    check(&tie.clone().unguarded(), &[("1", "undecided c d")]);
    check_reason(&tie, "1", "2 clients have an equally similar name");
    // Nearer than the other is enough.
    let near = known(
        &[("1", "Harbor Dental Group")],
        &[("c", "Harbor Dental Grouppp"), ("d", "Harbor Dental Grou")],
    );
    check(&near, &[("1", "d SimilarName 1")]);
}

#[test]
fn a_best_that_is_not_mutual_is_a_question() {
    // The client is nearer to the second organization.
    let known = known(
        &[("1", "Sunrise Bakery Berlin"), ("2", "Sunrise Bakery Berli")],
        &[("c", "Sunrise Bakery Berl")],
    );
    check(
        &known.clone().unguarded(),
        &[("1", "undecided c"), ("2", "c SimilarName 1")],
    );
    let OrganizationMatch::Undecided { suggestions, reason } = &known.run()[&"1".into()] else {
        panic!()
    };
    assert!(reason.contains("resembles another organization"), "{reason}");
    assert!(
        suggestions[0]
            .reason
            .ends_with("matched with organization \"Sunrise Bakery Berli\" already")
    );
}

#[test]
fn two_organizations_equally_near_are_a_question() {
    let known = known(
        &[("1", "Sunrise Bakery A"), ("2", "Sunrise Bakery B")],
        &[("c", "Sunrise Bakery C")],
    );
    check(&known.unguarded(), &[("1", "undecided c"), ("2", "undecided c")]);
}

#[test]
fn duplicate_names_are_never_guessed() {
    let two_organizations = known(&[("1", "Acme"), ("2", "ACME ")], &[("c", "Acme")]);
    check(&two_organizations, &[("1", "undecided c"), ("2", "undecided c")]);
    check_reason(
        &two_organizations,
        "2",
        "2 organizations have this name, and one client",
    );
    let two_clients = known(&[("1", "Acme")], &[("c", "Acme"), ("d", "acme")]);
    check(&two_clients.clone().creating(), &[("1", "undecided c d")]);
    check_reason(&two_clients, "1", "2 clients have this name");
    let two_and_none = known(&[("1", "Acme"), ("2", "acme")], &[]).creating();
    check(&two_and_none, &[("1", "undecided"), ("2", "undecided")]);
}

#[test]
fn an_id_stored_twice_is_a_question() {
    let mut known = known(&[("1", "Acme"), ("2", "Acme")], &[("c", "Acme"), ("d", "Other")]);
    known.clients[0].2 = Some("1");
    known.clients[1].2 = Some("1");
    // The disputed clients are out of reach of the second organization's name too.
    check(&known, &[("1", "undecided c d"), ("2", "undecided c")]);
    check_reason(&known, "1", "2 clients store this organization's id 1");
}

#[test]
fn vanished_clients_are_asked_about() {
    let mut known = known(&[("1", "Acme")], &[("c", "Acme")]);
    known.links = vec![("1", "gone")];
    check(&known, &[("1", "undecided c")]);
    check_reason(
        &known,
        "1",
        "it was linked to client gone, which no longer exists; choose another, or create it anew",
    );
    known.decisions = vec![("1", Verdict::Create)];
    check(&known, &[("1", "undecided c")]);
    known.decisions = vec![("1", matched_to("lost"))];
    check_reason(
        &known,
        "1",
        "person:ana chose client lost, which no longer exists; choose again",
    );
}

#[test]
fn creation_is_decided_by_people_or_by_the_bridge() {
    let mut known = known(
        &[("1", "Acme"), ("2", "Globex"), ("3", " ")],
        &[("c", "Something else")],
    );
    known.decisions = vec![("1", Verdict::Create), ("3", Verdict::Create)];
    check(&known, &[("1", "create"), ("2", "undecided"), ("3", "undecided")]);
    check(
        &known.clone().creating(),
        &[("1", "create"), ("2", "create"), ("3", "undecided")],
    );
    // Once the client exists, its link speaks.
    known.links = vec![("1", "c")];
    check(&known, &[("1", "c Link"), ("2", "undecided"), ("3", "undecided")]);
}

#[test]
fn a_client_that_another_bridge_created_since_it_was_asked_for_is_asked_about() {
    let mut known = known(&[("1", "Acme"), ("2", "Globex")], &[("c", "Acme")]);
    known.decisions = vec![("1", Verdict::Create), ("2", Verdict::Create)];
    known.overtaken = vec!["1"];
    // Neither a second client nor, silently, the other bridge's: the person had asked for one.
    check(&known, &[("1", "undecided c"), ("2", "create")]);
    check_reason(
        &known,
        "1",
        "person:ana asked for a new client before another bridge began to create one of this name; say again what it is",
    );
    // Once it has one, nothing overtakes it.
    known.links = vec![("1", "c")];
    check(&known, &[("1", "c Link"), ("2", "create")]);
}

#[test]
fn nameless_sides_never_match() {
    check(
        &known(&[("1", "")], &[("c", " ")]).unguarded().creating(),
        &[("1", "undecided")],
    );
    check(
        &known(&[("1", "ab")], &[("c", "")]).unguarded(),
        &[("1", "undecided")],
    );
}

#[test]
fn shared_serials_suggest_and_never_decide() {
    let mut known = known(
        &[("1", "Acme Inc"), ("2", "Initech")],
        &[("c", "Acme LLC"), ("d", "Dunder"), ("e", "E")],
    );
    known.serials = vec![
        ("1", "d", 12, 14),
        ("2", "d", 7, 14),
        ("2", "e", 8, 15),
        ("2", "gone", 15, 15),
    ];
    check(
        &known.clone().creating(),
        &[("1", "undecided d c"), ("2", "undecided e")],
    );
    let OrganizationMatch::Undecided { suggestions, .. } = &known.run()[&"1".into()] else {
        panic!()
    };
    assert_eq!(
        suggestions[0].reason,
        "its assets have 12 of the organization's 14 serial numbers"
    );
    assert_eq!(
        suggestions[1].reason,
        "similar name: \"Acme Inc\" and \"Acme LLC\" are 2 characters apart"
    );
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn names() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(
            "(Acme|Acne|Harbor Dental|Harbour Dental)( Inc| LLC| GmbH)?[.s]?",
            0..8,
        )
    }

    proptest! {
        #[test]
        fn automatic_matches_are_one_to_one_whatever_the_order(
            organizations in names(), clients in names(), guarded in any::<bool>(), shift in 0_usize..8,
        ) {
            let mut organizations: Vec<Organization> = (0..).zip(organizations)
                .map(|(i, name)| Organization { id: SourceId(format!("o{i}")), name, description: None })
                .collect();
            let mut clients: Vec<Client> = (0..).zip(clients)
                .map(|(i, name)| Client { id: RecordId(format!("c{i}")), name, source_id: None })
                .collect();
            let run = |organizations: &[Organization], clients: &[Client]| {
                match_organizations(&OrganizationsInput {
                    organizations, clients,
                    links: &BTreeMap::new(), decisions: &BTreeMap::new(), overtaken: &BTreeSet::new(),
                    rules: MatchingRules {
                        similar: Some(Similarity { limit: 3, guarded }), ..MatchingRules::default()
                    },
                    new_organizations: NewOrganizations::Create,
                    shared_serials: &[],
                })
            };
            let found = run(&organizations, &clients);
            prop_assert_eq!(found.len(), organizations.len());
            let mut taken = BTreeSet::new();
            for decided in found.values() {
                if let OrganizationMatch::Matched { client, distance, needs_confirmation, .. } = decided {
                    prop_assert!(taken.insert(client.clone()), "{} is matched twice", client);
                    prop_assert!(distance.is_some_and(|d| d <= 3));
                    prop_assert!(!(guarded && *needs_confirmation));
                }
            }
            let shift = shift % organizations.len().max(1);
            organizations.rotate_left(shift);
            clients.reverse();
            prop_assert_eq!(run(&organizations, &clients), found);
        }
    }
}
