//! Every form that an Owner finds on the pages of a hub with data, sent with what nobody means: no field, odd texts, a
//! field twice, bytes that are no text. None is a failure of ours, and none of it is ever shown as anything but text.

use crate::clients::synced;
use crate::world::{Answer, Visitor, World};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use model::ActorRole;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use testkit::TestStore;

/// Pages that are looked at; those of single records are many of a kind.
const PAGES: usize = 150;

/// What would run, if it was not escaped.
const SCRIPT: &str = "\"'><script>alert(1)</script>";

const ODD: [&str; 10] = [
    SCRIPT,
    "",
    "   ",
    "-1",
    "99999999999999999999999999",
    "name' OR '1'='1",
    "../../../etc/passwd",
    "a\u{0}b\r\nSet-Cookie: a=b",
    "\u{202e}\u{feff}txt.exe",
    "//evil.example/",
];

/// Where a form goes, and its fields as they stand.
#[derive(Clone, Debug)]
struct Form {
    method: String,
    action: String,
    fields: Vec<(String, String)>,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let begins = format!(" {name}=\"");
    let value = tag.split_once(&begins)?.1.split('"').next()?;
    let value = value
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&quot;", "\"");
    Some(
        value
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#9;", "\t")
            .replace("&#38;", "&")
            .replace("&amp;", "&"),
    )
}

fn tags<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begins = format!("<{name} ");
    let of = |rest: &'a str| rest.split('>').next().unwrap_or_default();
    page.match_indices(&begins)
        .map(|(at, _)| of(&page[at..]))
        .collect()
}

fn forms(page: &str, at: &str) -> Vec<Form> {
    let whole = page.match_indices("<form ").map(|(start, _)| {
        let rest = &page[start..];
        &rest[..rest.find("</form>").unwrap_or(rest.len())]
    });
    let form = |text: &str| {
        let tag = text.split('>').next().unwrap_or_default();
        let mut fields = Vec::new();
        for kind in ["input", "select", "textarea", "button"] {
            for field in tags(text, kind) {
                if let Some(name) = attribute(field, "name") {
                    fields.push((name, attribute(field, "value").unwrap_or_default()));
                }
            }
        }
        Form {
            method: attribute(tag, "method").unwrap_or_else(|| "get".to_owned()),
            action: attribute(tag, "action").unwrap_or_else(|| at.to_owned()),
            fields,
        }
    };
    whole.map(form).collect()
}

/// Every page that can be reached by links, up to so many; each with its address.
async fn pages(visitor: &mut Visitor) -> Vec<(String, Answer)> {
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut next = VecDeque::from(["/".to_owned()]);
    let mut found = Vec::new();
    while let Some(address) = next.pop_front() {
        let answer = visitor.get(&address).await;
        assert!(!answer.status.is_server_error(), "{address}: {answer:?}");
        for link in tags(&answer.body, "a")
            .into_iter()
            .filter_map(|tag| attribute(tag, "href"))
        {
            let ours = link.starts_with('/') && !link.starts_with("//") && !link.contains("/assets/app");
            if ours && !link.contains('#') && seen.len() < PAGES && seen.insert(link.clone()) {
                next.push_back(link);
            }
        }
        found.push((address, answer));
    }
    found
}

/// The fields with one of them missing, odd or there twice, or all of them odd.
fn bent(fields: &[(String, String)], time: usize) -> Vec<(String, String)> {
    let mut fields = fields.to_vec();
    let odd = ODD[time % ODD.len()].to_owned();
    let at = time % fields.len().max(1);
    match time % 4 {
        0 => fields.iter_mut().for_each(|(_, value)| value.clone_from(&odd)),
        1 if at < fields.len() => {
            fields.remove(at);
        }
        2 if at < fields.len() => fields.push((fields[at].0.clone(), odd)),
        _ if at < fields.len() => fields[at].1 = odd,
        _ => fields.push((odd.clone(), odd)),
    }
    fields
}

async fn send(visitor: &mut Visitor, form: &Form, fields: &[(String, String)]) -> Answer {
    let text = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let kind = ("content-type", "application/x-www-form-urlencoded");
    if form.method == "post" {
        return visitor
            .send(Method::POST, &form.action, Body::from(text), &[kind])
            .await;
    }
    let path = form.action.split('?').next().unwrap_or_default();
    visitor.get(&format!("{path}?{text}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_form_is_sent_with_is_refused_or_shown_as_text() {
    let world = World::on(TestStore::sqlite().await).await;
    let _ninja = synced(&world).await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    let mut all: BTreeMap<(String, Vec<String>), Form> = BTreeMap::new();
    for (address, page) in pages(&mut owner).await {
        for form in forms(&page.body, &address) {
            let names = form.fields.iter().map(|(name, _)| name.clone()).collect();
            // Of a list of records the first few stand for all.
            all.entry((kind(&form.action), names)).or_insert(form);
        }
    }
    assert!(all.len() > 50, "{} forms: {:#?}", all.len(), all.keys());
    let mut refused = 0;
    for form in all.values().filter(|form| form.action != "/sign-out") {
        for time in 0..12 {
            let fields = bent(&form.fields, time);
            let answer = send(&mut owner, form, &fields).await;
            // Whom that signed out signs in again.
            if answer.to().is_some_and(|to| to.starts_with("/sign-in")) {
                owner = world.signed_in(ActorRole::Owner).await;
            }
            assert!(
                !answer.status.is_server_error(),
                "{form:?} with {fields:?}: {answer:?}"
            );
            let kind = answer
                .headers
                .get("content-type")
                .map(|kind| kind.to_str().unwrap());
            assert!(
                kind.is_some_and(|kind| kind.starts_with("text/plain"))
                    || !answer.body.contains("<script>alert"),
                "{form:?} with {fields:?} shows a script: {answer:?}"
            );
            let to = answer.to().unwrap_or("/");
            assert!(
                to.starts_with('/') && !to.starts_with("//") && !to.contains('\n'),
                "{form:?} with {fields:?} leads to {to}"
            );
            assert!(
                answer
                    .headers
                    .get("set-cookie")
                    .is_none_or(|cookie| !cookie.to_str().unwrap().starts_with("a=")),
                "{form:?} with {fields:?} sets a cookie"
            );
            refused += usize::from(answer.status.is_client_error());
        }
        if form.method == "post" {
            let kind = ("content-type", "application/x-www-form-urlencoded");
            let body = Body::from(vec![b'a', b'=', b'%', b'F', b'F', 0xff, b'&', b'%']);
            let answer = owner.send(Method::POST, &form.action, body, &[kind]).await;
            assert!(!answer.status.is_server_error(), "{form:?}: {answer:?}");
        }
    }
    assert!(refused > 100, "{refused} were refused");
    let mut owner = world.signed_in(ActorRole::Owner).await;
    for (address, page) in pages(&mut owner).await {
        assert!(!page.body.contains("<script>alert"), "{address} shows a script");
        assert_ne!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{address}");
    }
}

/// An address without the ids in it.
fn kind(action: &str) -> String {
    let path = action.split('?').next().unwrap_or_default();
    let known = |part: &&str| part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    path.split('/')
        .map(|part| if known(&part) { part } else { "…" })
        .collect::<Vec<_>>()
        .join("/")
}
