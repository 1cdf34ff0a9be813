//! Reading one organization.

use crate::standin::{StandIn, page};
use crate::tenant::{Tenant, read};
use connect::{DevicesRequest, Source};
use model::SourceId;
use serde_json::json;
use std::sync::Arc;

fn of(organization: u32) -> DevicesRequest {
    DevicesRequest {
        organization: Some(SourceId(organization.to_string())),
        ..DevicesRequest::default()
    }
}

async fn ids_of(source: &Arc<dyn Source>, organization: u32) -> Vec<u64> {
    read(source, of(organization)).await.unwrap().ids()
}

fn expected(tenant: &Tenant, organization: u32) -> Vec<u64> {
    tenant
        .approved()
        .into_iter()
        .filter(|(_, device)| device.organization == organization)
        .map(|(id, _)| id)
        .collect()
}

#[tokio::test]
async fn one_organization_is_read_alone() {
    let tenant = Tenant::of(1200).await;
    let source = tenant.source();
    for (organization, _) in tenant.sim.organizations() {
        tenant.sim.reset_requests();
        assert_eq!(
            ids_of(&source, organization).await,
            expected(&tenant, organization)
        );
        assert!(
            tenant.sim.requests().total <= 3,
            "{}",
            tenant.sim.requests().total
        );
    }
    assert!(ids_of(&source, 999_999).await.is_empty());
}

/// A server that does not know the parameters in `ignored`, or refuses those in `refused`.
async fn tenant_that(
    ignored: &'static [&'static str],
    refused: &'static [&'static str],
) -> (StandIn, Arc<dyn Source>) {
    let server = StandIn::start(move |path, query| {
        if let Some(name) = refused.iter().find(|name| query.contains_key(**name)) {
            return (400, json!({"resultCode": "FAILURE", "errorMessage": format!("bad {name}")}).to_string());
        }
        let wanted = |name: &str| query.get(name).filter(|_| !ignored.contains(&name));
        let rows: Vec<_> = (1..=120)
            .map(|id| {
                let references = json!({"role": {"id": 1}});
                json!({"id": id, "uid": format!("u{id}"), "organizationId": id % 3 + 1, "references": references})
            })
            .filter(|row| wanted("df").is_none_or(|df| *df == format!("org = {}", row["organizationId"])))
            .collect();
        assert!(path.starts_with("/v2/devices"), "{path}");
        (200, page(&rows, query))
    })
    .await;
    let source = server.source(json!({"page_size": 20}));
    (server, source)
}

#[tokio::test]
async fn a_filter_that_is_ignored_is_noticed_and_the_full_list_is_read() {
    let expected: Vec<u64> = (1..=120).filter(|id| id % 3 + 1 == 2).collect();
    for (ignored, refused) in [
        (&[][..], &[][..]),
        (&["df"][..], &[][..]),
        (&[][..], &["df"][..]),
        (&[][..], &["expand"][..]),
        (&[][..], &["df", "expand"][..]),
    ] {
        let (_server, source) = tenant_that(ignored, refused).await;
        assert_eq!(
            ids_of(&source, 2).await,
            expected,
            "ignored {ignored:?}, refused {refused:?}"
        );
        assert!(ids_of(&source, 9).await.is_empty());
    }
}

#[tokio::test]
async fn uids_are_those_of_the_devices_asked_for_even_if_the_filter_is_ignored() {
    let ids: Vec<SourceId> = [7, 8, 90, 500].map(|id: u32| SourceId(id.to_string())).into();
    for (ignored, refused) in [(&["df"][..], &[][..]), (&[][..], &["df"][..])] {
        let (_server, source) = tenant_that(ignored, refused).await;
        let uids: Vec<_> = source.device_uids(&ids).await.unwrap().into_iter().collect();
        let expected = ["7", "8", "90"].map(|id| (SourceId(id.to_owned()), format!("u{id}")));
        assert_eq!(uids.len(), 3);
        assert!(expected.iter().all(|pair| uids.contains(pair)), "{uids:?}");
    }
}
