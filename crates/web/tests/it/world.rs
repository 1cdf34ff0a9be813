//! A hub and visitors with browsers of their own.
//!
//! `World::new()` is a fresh hub; `world.signed_in(ActorRole::Viewer)` a visitor. `visitor.get("/")` gives an [`Answer`]:
//! its status, and its page as HTML or as the words a person reads. `Answer::main` is what snapshots are made of.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use connect::{Connector, Connectors};
use engine::{Engine, EngineOptions};
use model::{Actor, ActorRole};
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use testkit::TestStore;
use tower::ServiceExt as _;
use url::Url;
use web::{Site, Web, router};

pub const PASSWORD: &str = "four words in a row";

pub struct World {
    pub store: TestStore,
    pub engine: Engine,
    pub router: Router,
    pub console: Actor,
}

/// A site that people reach by this address.
pub fn site(public_url: &str) -> Site {
    Site {
        public_url: Url::parse(public_url).unwrap(),
        callback_path: "/ninja/oauth/resp".to_owned(),
        other_redirects: Vec::new(),
        prefill: None,
        trusted_proxies: Vec::new(),
    }
}

/// A browser: it keeps cookies and follows nothing by itself.
pub struct Visitor {
    router: Router,
    pub cookies: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl World {
    /// A fresh hub on SQLite.
    pub async fn new() -> Self {
        Self::on(TestStore::sqlite().await).await
    }

    /// A fresh hub on this store.
    pub async fn on(store: TestStore) -> Self {
        Self::at(store, "http://127.0.0.1:8790").await
    }

    /// A fresh hub whose visitors use this address.
    pub async fn at(store: TestStore, public_url: &str) -> Self {
        Self::of(store, site(public_url)).await
    }

    /// A fresh hub at this site.
    pub async fn of(store: TestStore, site: Site) -> Self {
        Self::with(store, site, vec![]).await
    }

    /// A fresh hub that has these connectors besides.
    pub async fn with(store: TestStore, site: Site, more: Vec<Arc<dyn Connector>>) -> Self {
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut all = vec![ninjaone::connector(), registry::connector(store.clone())];
        all.extend(more);
        let mut options = EngineOptions::new("a test");
        options.backups = Some(store.directory().join("backups"));
        let engine = Engine::new(store.clone(), Connectors::new(all), options);
        let queue = jobs::Queue::open(store.clone()).await.unwrap();
        let router = router(Web::new(engine.clone(), Arc::new(queue), site));
        Self {
            store,
            engine,
            router,
            console: Actor::Console {
                user: "test".to_owned(),
            },
        }
    }

    /// Somebody nobody knows.
    pub fn visitor(&self) -> Visitor {
        Visitor {
            router: self.router.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// Somebody of that role, signed in. Their name is the role's.
    pub async fn signed_in(&self, role: ActorRole) -> Visitor {
        let name = format!("{role:?}").to_lowercase();
        let known = self.engine.people(&self.console).await.unwrap();
        if !known.iter().any(|person| person.name == name) {
            self.engine
                .add_person(&self.console, &name, role, None)
                .await
                .unwrap();
        }
        let token = self.engine.sign_in_token(&self.console, &name).await.unwrap();
        let mut visitor = self.visitor();
        let answer = visitor
            .post("/sign-in/link", &[("token", token.expose_secret())])
            .await;
        assert_eq!(answer.to(), Some("/"), "{answer:?}");
        visitor
    }
}

impl Visitor {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty(), &[]).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let kind = (CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded");
        self.send(Method::POST, path, Body::from(body), &[kind]).await
    }

    pub async fn send(&mut self, method: Method, path: &str, body: Body, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8790");
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (pair, rest) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 4 << 20).await.unwrap();
        Answer {
            status,
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

impl Answer {
    /// Where it sends the browser.
    pub fn to(&self) -> Option<&str> {
        self.headers.get(LOCATION).map(|to| to.to_str().unwrap())
    }

    /// The page's own part, for snapshots: no frame around it.
    pub fn main(&self) -> &str {
        let start = self.body.find("<main").expect("a page has a main part");
        let end = self.body.find("</main>").expect("a page's main part ends");
        &self.body[start..end]
    }

    /// The words a person reads in the page's own part, single spaces between them.
    pub fn text(&self) -> String {
        let mut words = String::new();
        let mut inside = false;
        for c in self.main().chars() {
            match c {
                '<' => {
                    inside = true;
                    words.push(' ');
                }
                '>' => inside = false,
                c if !inside => words.push(c),
                _ => {}
            }
        }
        let words = words
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&#38;", "&");
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
