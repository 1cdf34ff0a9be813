//! A plan of one record: of what was planned, its own operations and those they cannot do without.

use model::operation::{Action, ClientTarget, Move, SiteTarget, TypeTarget};
use model::{Operation, RecordKind, SourceId};
use std::collections::BTreeSet;

type Record = (RecordKind, SourceId);

/// Keeps what one record needs: its own operations, and the links and creations those refer to.
pub fn narrow(operations: Vec<Operation>, kind: RecordKind, source: &SourceId) -> Vec<Operation> {
    let mut wanted: BTreeSet<Record> = BTreeSet::from([(kind, source.clone())]);
    // What is needed may need something itself: an asset its site, the site its client.
    loop {
        let needed: BTreeSet<Record> = operations
            .iter()
            .filter(|operation| wanted.contains(&of(operation)))
            .flat_map(needs)
            .collect();
        let before = wanted.len();
        wanted.extend(needed);
        if wanted.len() == before {
            break;
        }
    }
    let mut kept = operations;
    kept.retain(|operation| wanted.contains(&of(operation)));
    kept
}

fn of(operation: &Operation) -> Record {
    (operation.subject.kind, operation.subject.source_id.clone())
}

/// The source records whose links an operation stands on.
fn needs(operation: &Operation) -> Vec<Record> {
    let mut needed = vec![];
    let mut place =
        |client: Option<&ClientTarget>, site: Option<&SiteTarget>, of_type: Option<&TypeTarget>| {
            if let Some(ClientTarget::Of(organization)) = client {
                needed.push((RecordKind::Client, organization.clone()));
            }
            if let Some(SiteTarget::Of(location)) = site {
                needed.push((RecordKind::Site, location.clone()));
            }
            if let Some(TypeTarget::Of(role)) = of_type {
                needed.push((RecordKind::AssetType, role.clone()));
            }
        };
    match &operation.action {
        Action::CreateSite(draft) => place(Some(&draft.client), None, None),
        Action::CreateAsset(draft) => {
            place(
                Some(&draft.client),
                draft.site.as_ref(),
                draft.asset_type.as_ref(),
            );
        }
        Action::UpdateAsset {
            moved:
                Some(Move {
                    client,
                    site,
                    asset_type,
                    ..
                }),
            ..
        } => place(client.as_ref(), site.as_ref(), asset_type.as_ref()),
        _ => {}
    }
    if let Some(after) = &operation.after_match {
        needed.push((RecordKind::Client, after.organization.clone()));
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AssetDraft, AssetTypeDraft, ClientDraft, Fields, SiteDraft, Subject};

    fn operation(number: u32, kind: RecordKind, source: &str, action: Action) -> Operation {
        Operation {
            number,
            client_label: String::new(),
            subject: Subject {
                kind,
                source_id: source.into(),
                label: source.to_owned(),
            },
            action,
            reason: "because".to_owned(),
            cause: None,
            after_match: None,
            undoes: None,
        }
    }

    fn asset(number: u32, source: &str, site: &str) -> Operation {
        let draft = AssetDraft {
            client: ClientTarget::Existing("c".into()),
            site: Some(SiteTarget::Of(site.into())),
            asset_type: Some(TypeTarget::Of("role".into())),
            fields: Fields::new(),
        };
        operation(number, RecordKind::Asset, source, Action::CreateAsset(draft))
    }

    fn all() -> Vec<Operation> {
        let client = Action::CreateClient(ClientDraft { name: String::new() });
        let of_type = Action::CreateAssetType(AssetTypeDraft {
            name: String::new(),
            group: None,
        });
        let site = || {
            Action::CreateSite(SiteDraft {
                client: ClientTarget::Of("org".into()),
                name: String::new(),
            })
        };
        vec![
            operation(1, RecordKind::Client, "org", client),
            operation(2, RecordKind::AssetType, "role", of_type),
            operation(3, RecordKind::Site, "here", site()),
            operation(4, RecordKind::Site, "there", site()),
            asset(5, "pc", "here"),
            asset(6, "server", "there"),
        ]
    }

    #[track_caller]
    fn check(kind: RecordKind, source: &str, expected: &[u32]) {
        let kept: Vec<u32> = narrow(all(), kind, &source.into())
            .iter()
            .map(|o| o.number)
            .collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_record_takes_along_what_it_stands_on_and_nothing_else() {
        check(RecordKind::Asset, "pc", &[1, 2, 3, 5]);
        check(RecordKind::Asset, "server", &[1, 2, 4, 6]);
        check(RecordKind::Site, "there", &[1, 4]);
        check(RecordKind::Client, "org", &[1]);
        check(RecordKind::Asset, "nobody", &[]);
    }
}
