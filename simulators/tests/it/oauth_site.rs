//! A served simulator and the smallest browser that can sign in to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use simulators::clock::SettableClock;
use simulators::ninjaone::oauth::{Grants, OauthOptions, router};
use url::Url;

pub const CALLBACK: &str = "http://127.0.0.1:8411/ninja/oauth/resp";
pub const WEB: [(&str, &str); 2] = [("client_id", "demo-web"), ("client_secret", "demo-web-secret")];
pub const MACHINE: [(&str, &str); 2] = [
    ("client_id", "demo-machine"),
    ("client_secret", "demo-machine-secret"),
];
/// The pair of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub const CREDENTIALS: (&str, &str) = ("grant_type", "client_credentials");

/// What [`Answer::refusal`] gives for this refusal.
pub fn refused(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

/// One simulated instance on a loopback port. Its clock stands still.
pub struct Site {
    pub grants: Arc<Grants>,
    pub clock: Arc<SettableClock>,
    pub base: String,
    pub client: reqwest::Client,
}

impl Site {
    pub async fn start(options: OauthOptions) -> Self {
        // The second test of a process finds the provider installed; that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let start: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let clock = Arc::new(SettableClock::new(start));
        let grants = Arc::new(Grants::new(options, clock.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = router(grants.clone());
        // Ends with the runtime of the test.
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        Self {
            grants,
            clock,
            base,
            client: client.unwrap(),
        }
    }

    pub fn wait(&self, seconds: i64) {
        self.clock.advance(jiff::SignedDuration::from_secs(seconds));
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.client.get(format!("{}{path}", self.base))).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::of(self.client.post(format!("{}{path}", self.base)).form(form)).await
    }

    /// A call of the token endpoint: the app's credentials, then the rest.
    pub async fn token(&self, app: &[(&str, &str)], rest: &[(&str, &str)]) -> Answer {
        self.post("/ws/oauth/token", &[app, rest].concat()).await
    }

    pub async fn refresh(&self, app: &[(&str, &str)], refresh_token: &str) -> Answer {
        self.token(
            app,
            &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)],
        )
        .await
    }

    pub async fn redeem(&self, app: &[(&str, &str)], code: &str, rest: &[(&str, &str)]) -> Answer {
        let grant = [("grant_type", "authorization_code"), ("code", code)];
        self.token(app, &[&grant[..], rest].concat()).await
    }

    /// A code for `demo-web`, consented to by the default technician.
    pub async fn code(&self, scope: &str) -> String {
        let back = Browser::new(self).approve(&web_request(scope)).await;
        pair(&back, "code").unwrap()
    }

    /// The token answer for `demo-web` after a consent.
    pub async fn connect(&self, scope: &str) -> Value {
        let answer = self
            .redeem(&WEB, &self.code(scope).await, &[("redirect_uri", CALLBACK)])
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }
}

/// The parameters of an ordinary authorization request of `demo-web`.
pub fn web_request(scope: &str) -> Vec<(&str, &str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "demo-web"),
        ("redirect_uri", CALLBACK),
        ("scope", scope),
        ("state", "a state & more"),
    ]
}

/// `request` with one parameter set to something else, or added.
pub fn with<'a>(
    mut request: Vec<(&'a str, &'a str)>,
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    request.retain(|(key, _)| *key != name);
    request.push((name, value));
    request
}

/// The path of an authorization request.
pub fn authorize(request: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    format!("/ws/oauth/authorize?{}", query.extend_pairs(request).finish())
}

/// A parameter of an address.
pub fn pair(address: &str, name: &str) -> Option<String> {
    let url = Url::parse(address).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned())
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let answer: Response = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Self {
            status,
            headers,
            body: answer.text().await.unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        assert!(self.status.is_redirection(), "{} {}", self.status, self.body);
        self.header("location")
    }

    /// Status and `error` of a refusal, whose body no cache may keep.
    pub fn refusal(&self) -> (u16, String) {
        assert_eq!(self.header("cache-control"), "no-store", "{}", self.body);
        (
            self.status.as_u16(),
            self.json()["error"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

/// Keeps cookies and fills in forms; follows nothing by itself.
pub struct Browser<'a> {
    site: &'a Site,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(site: &'a Site) -> Self {
        Self {
            site,
            cookies: BTreeMap::new(),
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.site.client.get(format!("{}{path}", self.site.base));
        self.send(request).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self
            .site
            .client
            .post(format!("{}{path}", self.site.base))
            .form(form);
        self.send(request).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Answer {
        let cookies = Vec::from_iter(self.cookies.iter().map(|(name, value)| format!("{name}={value}")));
        let answer = Answer::of(request.header(header::COOKIE, cookies.join("; "))).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let (name, value) = line
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .split_once('=')
                .unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Goes through the sign-in form and returns the consent page.
    pub async fn sign_in(&mut self, request: &[(&str, &str)], email: &str, password: &str) -> Answer {
        let to_sign_in = self.get(&authorize(request)).await;
        let page = self.get(to_sign_in.location()).await;
        let form = Form::first(&page.body);
        let answer = self
            .submit(&form, &[("email", email), ("password", password)])
            .await;
        match answer.status {
            StatusCode::SEE_OTHER => self.get(answer.location()).await,
            _ => answer,
        }
    }

    pub async fn submit(&mut self, form: &Form, fields: &[(&str, &str)]) -> Answer {
        let token = [("form_token", form.token.as_str())];
        self.post(&form.action, &[&token[..], fields].concat()).await
    }

    /// Signs in as the default technician, decides, and returns the address the browser is sent to.
    pub async fn decide(&mut self, request: &[(&str, &str)], decision: &str) -> String {
        let page = self.sign_in(request, "tech@example.test", "demo-password").await;
        let answer = self
            .submit(&Form::first(&page.body), &[("decision", decision)])
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer.location().to_owned()
    }

    pub async fn approve(&mut self, request: &[(&str, &str)]) -> String {
        self.decide(request, "approve").await
    }
}

/// A form of a page: where it goes and its hidden token.
pub struct Form {
    pub action: String,
    pub token: String,
}

impl Form {
    pub fn first(page: &str) -> Self {
        Self::all(page)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no form in {page}"))
    }

    pub fn all(page: &str) -> Vec<Self> {
        let forms = page.split("<form ").skip(1).map(|form| Self {
            action: attribute(form, "action=\""),
            token: attribute(form, "name=\"form_token\" value=\""),
        });
        forms.collect()
    }
}

fn attribute(text: &str, start: &str) -> String {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    let value = text[from..].split('"').next().unwrap();
    value
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
