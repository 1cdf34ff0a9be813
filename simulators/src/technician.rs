//! A technician at a browser without script: opens a consent page, signs in, agrees, and follows where that leads.
//!
//! It reads the pages as a browser would: the first form, its action, its hidden inputs. It stands in for a person
//! where nobody sits in front of the machine, as in the demo and in tests.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use std::collections::BTreeMap;
use url::Url;

/// How many pages and redirects are followed before giving up.
const MOST_STEPS: usize = 12;

/// Who sits in front of the browser.
#[derive(Clone)]
pub struct Technician {
    /// The address they sign in with.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Whether they agree to what the consent page asks.
    pub agrees: bool,
}

/// Why the technician did not get through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TechnicianError {
    /// A request failed.
    #[error("opening {page}: {source}")]
    Request {
        /// Address without its query.
        page: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A page is not what a person could go on from.
    #[error("{page} answered {status} and has no form to go on with")]
    NoForm {
        /// Address without its query.
        page: String,
        /// HTTP status.
        status: u16,
    },
    /// The pages lead in a circle.
    #[error("signing in leads in a circle; are the e-mail address and the password right?")]
    Circle,
}

impl Technician {
    /// Opens `consent_page` and goes on until the browser was sent to an address that begins with `back_to`. That page
    /// is opened too, as a browser would; its text is returned.
    ///
    /// # Errors
    /// When a page cannot be opened or leads nowhere.
    pub async fn consent(&self, consent_page: &Url, back_to: &str) -> Result<String, TechnicianError> {
        let failed = |page: &Url| {
            let page = plain(page);
            move |source| TechnicianError::Request { page, source }
        };
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(failed(consent_page))?;
        let mut cookies: BTreeMap<String, String> = BTreeMap::new();
        let mut page = consent_page.clone();
        let mut form: Option<Vec<(String, String)>> = None;
        for _ in 0..MOST_STEPS {
            let request = match &form {
                Some(fields) => client.post(page.clone()).form(fields),
                None => client.get(page.clone()),
            };
            let sent = cookies
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect::<Vec<_>>()
                .join("; ");
            let answer = request.header(COOKIE, sent).send().await.map_err(failed(&page))?;
            keep_cookies(&answer, &mut cookies);
            let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
            if let Some(next) = location.and_then(|l| page.join(l).ok()) {
                form = None;
                page = next;
                continue;
            }
            let status = answer.status().as_u16();
            let text = answer.text().await.map_err(failed(&page))?;
            if page.as_str().starts_with(back_to) {
                return Ok(text);
            }
            let (action, fields) = self.fill_in(&text).ok_or_else(|| TechnicianError::NoForm {
                page: plain(&page),
                status,
            })?;
            page = page.join(&action).map_err(|_| TechnicianError::NoForm {
                page: plain(&page),
                status,
            })?;
            form = Some(fields);
        }
        Err(TechnicianError::Circle)
    }

    /// The action and the filled-in fields of a page's first form.
    fn fill_in(&self, page: &str) -> Option<(String, Vec<(String, String)>)> {
        let form = between(page, "<form", "</form>")?;
        let action = attribute(form, "action")?;
        let mut fields = Vec::new();
        for input in form
            .split("<input")
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
        {
            let Some(name) = attribute(input, "name") else {
                continue;
            };
            let value = match name.as_str() {
                "email" => self.email.clone(),
                "password" => self.password.clone(),
                _ => attribute(input, "value").unwrap_or_default(),
            };
            fields.push((name, value));
        }
        if form.contains("name=\"decision\"") {
            fields.push((
                "decision".to_owned(),
                if self.agrees { "approve" } else { "deny" }.to_owned(),
            ));
        }
        Some((action, fields))
    }
}

fn plain(page: &Url) -> String {
    let mut page = page.clone();
    page.set_query(None);
    page.to_string()
}

fn keep_cookies(answer: &Response, cookies: &mut BTreeMap<String, String>) {
    for cookie in answer
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|c| c.to_str().ok())
    {
        if let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) {
            cookies.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let start = text.find(from)?;
    let rest = &text[start..];
    Some(&rest[..rest.find(to)?])
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = format!(" {name}=\"");
    let value = &tag[tag.find(&start)? + start.len()..];
    value.split_once('"').map(|(value, _)| unescape(value))
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_filled_in_as_a_browser_would() {
        let technician = Technician {
            email: "t@example.test".into(),
            password: "p".into(),
            agrees: true,
        };
        let page = "<main><form method=\"post\" action=\"/in?a=1&amp;b=2\">\n\
                    <input type=\"hidden\" name=\"form_token\" value=\"x&quot;y\">\
                    <input id=\"email\" name=\"email\" type=\"email\" value=\"\" required>\
                    <input name=\"password\" type=\"password\"></form>";
        let (action, fields) = technician.fill_in(page).unwrap();
        assert_eq!(action, "/in?a=1&b=2");
        let pairs: Vec<_> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("form_token", "x\"y"),
                ("email", "t@example.test"),
                ("password", "p")
            ]
        );
    }
}
