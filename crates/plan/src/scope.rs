//! Which devices come at all.

use crate::fold::fold;
use model::{DeviceProjection, Scope};

/// Why a device does not come; `None` when it does.
///
/// Classes and approval states are compared without regard to case, tags folded, ids exactly. A source that knows no
/// approval states (API v1) says nothing about them, so its devices pass.
pub(crate) fn out_of_scope(device: &DeviceProjection, scope: &Scope) -> Option<String> {
    let says = |what: &str, found: Option<&str>| match found {
        Some(found) => Some(format!("not in scope: its {what} is {found}")),
        None => Some(format!("not in scope: it has no {what}")),
    };
    if let Some(approval) = &device.approval
        && lacks(&scope.approvals, |wanted| wanted.eq_ignore_ascii_case(approval))
    {
        return says("approval state", Some(approval));
    }
    let class = device.class.as_deref();
    if lacks(&scope.classes, |wanted| {
        class.is_some_and(|c| c.eq_ignore_ascii_case(wanted))
    }) {
        return says("class", class);
    }
    let role = device.role.as_ref();
    if lacks(&scope.roles, |wanted| {
        role.is_some_and(|r| r.id.as_str() == wanted)
    }) {
        return says("role", role.map(|r| r.name.as_str()));
    }
    let location = device.location.as_ref().map(|l| l.as_str());
    if lacks(&scope.locations, |wanted| location == Some(wanted)) {
        return says("location", location);
    }
    if lacks(&scope.tags, |wanted| {
        device.tags.iter().any(|tag| fold(tag) == fold(wanted))
    }) {
        return Some("not in scope: it has none of the tags".to_owned());
    }
    None
}

/// Whether a list binds and holds nothing that fits. An empty list lets all through.
fn lacks(wanted: &[String], fits: impl Fn(&str) -> bool) -> bool {
    !wanted.is_empty() && !wanted.iter().any(|w| fits(w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::CompiledMapping;
    use crate::project::project;
    use model::{Mapping, Presence};
    use serde_json::json;

    fn scope() -> Scope {
        Scope {
            approvals: vec![],
            ..Scope::default()
        }
    }

    #[track_caller]
    fn check(scope: &Scope, expected: Option<&str>) {
        let document = json!({
            "id": 1, "nodeClass": "MAC", "approvalStatus": "PENDING", "locationId": 4, "tags": ["Vip"],
            "role": {"id": 5, "name": "Mac"},
        });
        let mapping = CompiledMapping::compile(&Mapping::default(), &[]).unwrap();
        let device = project(&document, &mapping, Presence::Present);
        assert_eq!(out_of_scope(&device, scope).as_deref(), expected);
    }

    #[test]
    fn each_list_filters_and_an_empty_one_does_not() {
        let list = |value: &str| vec!["other".to_owned(), value.to_owned()];
        check(&scope(), None);
        check(
            &Scope::default(),
            Some("not in scope: its approval state is PENDING"),
        );
        check(
            &Scope {
                approvals: list("pending"),
                ..scope()
            },
            None,
        );
        check(
            &Scope {
                classes: list("mac"),
                ..scope()
            },
            None,
        );
        check(
            &Scope {
                classes: list("LINUX"),
                ..scope()
            },
            Some("not in scope: its class is MAC"),
        );
        check(
            &Scope {
                roles: list("5"),
                ..scope()
            },
            None,
        );
        check(
            &Scope {
                roles: list("55"),
                ..scope()
            },
            Some("not in scope: its role is Mac"),
        );
        check(
            &Scope {
                locations: list("4"),
                ..scope()
            },
            None,
        );
        check(
            &Scope {
                locations: list("44"),
                ..scope()
            },
            Some("not in scope: its location is 4"),
        );
        check(
            &Scope {
                tags: list("VIP"),
                ..scope()
            },
            None,
        );
        check(
            &Scope {
                tags: list("lab"),
                ..scope()
            },
            Some("not in scope: it has none of the tags"),
        );
    }
}
