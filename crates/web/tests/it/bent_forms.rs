//! The forms that an Owner finds on the pages of a hub with data, and a stranger before it, sent with what nobody means: no
//! field, odd texts, a field twice, bytes that are no text. None is a failure of ours, and none of it is ever shown as anything but text.

use crate::clients::synced;
use crate::world::{Answer, Visitor, World};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use model::ActorRole;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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

/// What stands between a tag and the end of its element.
fn inside<'a>(rest: &'a str, name: &str) -> &'a str {
    let text = rest.split_once('>').map_or("", |(_, text)| text);
    text.split(&format!("</{name}>")).next().unwrap_or_default()
}

/// The fields between two places of a page, with what a browser would send that changes nothing.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for kind in ["input", "select", "textarea", "button"] {
        for (at, _) in text.match_indices(&format!("<{kind} ")) {
            let rest = &text[at..];
            let tag = rest.split('>').next().unwrap_or_default();
            let Some(name) = attribute(tag, "name") else {
                continue;
            };
            let value = match kind {
                "select" => {
                    let options = tags(inside(rest, kind), "option");
                    let chosen = options.iter().find(|option| option.contains(" selected"));
                    chosen
                        .or(options.first())
                        .and_then(|option| attribute(option, "value"))
                }
                "textarea" => Some(inside(rest, kind).to_owned()),
                _ => attribute(tag, "value"),
            };
            fields.push((name, value.unwrap_or_default()));
        }
    }
    fields
}

fn forms(page: &str, at: &str) -> Vec<Form> {
    let form = |(start, _): (usize, &str)| {
        let rest = &page[start..];
        let tag = rest.split('>').next().unwrap_or_default();
        Form {
            method: attribute(tag, "method").unwrap_or_else(|| "get".to_owned()),
            action: attribute(tag, "action").unwrap_or_else(|| at.to_owned()),
            fields: fields(inside(rest, "form")),
        }
    };
    page.match_indices("<form ").map(form).collect()
}

/// Every page that can be reached by links from one, up to so many; each with its address.
async fn pages(visitor: &mut Visitor, from: &str) -> Vec<(String, Answer)> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut next = VecDeque::from([from.to_owned()]);
    let mut found = Vec::new();
    while let Some(address) = next.pop_front() {
        let answer = visitor.get(&address).await;
        assert!(!answer.status.is_server_error(), "{address}: {answer:?}");
        for tag in tags(&answer.body, "a") {
            let Some(link) = attribute(tag, "href").filter(|_| !tag.contains(" download")) else {
                continue;
            };
            let ours = link.starts_with('/') && !link.starts_with("//");
            if ours && !link.contains('#') && seen.len() < PAGES && seen.insert(link.clone()) {
                next.push_back(link);
            }
        }
        found.push((address, answer));
    }
    found
}

/// The same fields bent in many ways: each of them alone as a script and as some other odd text, missing, and there
/// twice; and all of them odd.
fn bent(fields: &[(String, String)]) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::new(), vec![("nothing".to_owned(), "known".to_owned())]];
    for at in 0..fields.len() {
        let others = (0..3).map(|n| ODD[1 + (3 * at + n) % (ODD.len() - 1)]);
        for odd in others.chain([SCRIPT]) {
            let mut one = fields.to_vec();
            odd.clone_into(&mut one[at].1);
            all.push(one);
        }
        let mut fewer = fields.to_vec();
        let (name, _) = fewer.remove(at);
        all.push(fewer);
        let mut twice = fields.to_vec();
        twice.insert(at, (name, SCRIPT.to_owned()));
        all.push(twice);
    }
    for odd in ODD {
        all.push(
            fields
                .iter()
                .map(|(name, _)| (name.clone(), odd.to_owned()))
                .collect(),
        );
    }
    all
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

/// Sends a form with what nobody means; how often that was refused.
async fn send_bent(world: &World, visitor: &mut Visitor, form: &Form, signed_in: bool) -> usize {
    let mut refused = 0;
    for fields in bent(&form.fields) {
        let answer = send(visitor, form, &fields).await;
        // Whom that signed out signs in again.
        if signed_in && answer.to().is_some_and(|to| to.starts_with("/sign-in")) {
            *visitor = world.signed_in(ActorRole::Owner).await;
        }
        // Where a form says so, somebody outside is asked who is not there.
        assert!(
            !answer.status.is_server_error() || answer.status == StatusCode::BAD_GATEWAY,
            "{form:?} with {fields:?}: {answer:?}"
        );
        let kind = answer
            .headers
            .get("content-type")
            .map(|kind| kind.to_str().unwrap());
        assert!(
            kind.is_some_and(|kind| kind.starts_with("text/plain")) || !answer.body.contains("<script>alert"),
            "{form:?} with {fields:?} shows a script: {answer:?}"
        );
        let to = answer.to().unwrap_or("/");
        assert!(
            to.starts_with('/') && !to.starts_with("//"),
            "{form:?} with {fields:?} leads to {to}"
        );
        refused += usize::from(answer.status.is_client_error());
    }
    if form.method == "post" {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let no_text = Body::from(&b"a=%FF\xff&%"[..]);
        let answer = visitor.send(Method::POST, &form.action, no_text, &[kind]).await;
        assert!(!answer.status.is_server_error(), "{form:?}: {answer:?}");
    }
    refused
}

/// One form of each sort on these pages: of a list of records one stands for all.
fn sorts(pages: &[(String, Answer)]) -> Vec<Form> {
    let mut all: BTreeMap<(String, Vec<String>), Form> = BTreeMap::new();
    for (address, page) in pages {
        for form in forms(&page.body, address) {
            let names = form.fields.iter().map(|(name, _)| name.clone()).collect();
            all.entry((without_ids(&form.action), names)).or_insert(form);
        }
    }
    all.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_form_is_sent_with_is_refused_or_shown_as_text() {
    let world = World::new().await;
    let _ninja = synced(&world).await;
    let mut owner = world.signed_in(ActorRole::Owner).await;
    owner.post("/settings/hub/backups", &[]).await;
    let all = sorts(&pages(&mut owner, "/").await);
    assert!(all.len() > 50, "{} forms", all.len());
    let mut refused = 0;
    for form in all.iter().filter(|form| form.action != "/sign-out") {
        refused += send_bent(&world, &mut owner, form, true).await;
    }
    let mut stranger = world.visitor();
    let open = sorts(&pages(&mut stranger, "/sign-in").await);
    assert!(!open.is_empty(), "nobody can sign in");
    for form in &open {
        refused += send_bent(&world, &mut stranger, form, false).await;
    }
    assert!(refused > 100, "{refused} were refused");
    let mut owner = world.signed_in(ActorRole::Owner).await;
    for (address, page) in pages(&mut owner, "/").await {
        assert!(!page.body.contains("<script>alert"), "{address} shows a script");
    }
}

/// An address without the ids in it.
fn without_ids(action: &str) -> String {
    let path = action.split('?').next().unwrap_or_default();
    let known = |part: &&str| part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    path.split('/')
        .map(|part| if known(&part) { part } else { "…" })
        .collect::<Vec<_>>()
        .join("/")
}
