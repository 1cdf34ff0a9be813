//! The smallest browser that can sign in and consent: it keeps cookies and fills in forms.

use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// What came back.
struct Page {
    status: u16,
    location: Option<String>,
    body: String,
}

/// A browser of one person.
#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Follows `start` through sign-in to the consent page, decides, and returns the query the browser brings back to
    /// the redirect URI.
    pub async fn decide(&mut self, start: &Url, decision: &str) -> String {
        let mut url = start.clone();
        let mut page = self.request("GET", &url, "").await;
        for _ in 0..9 {
            if let Some(location) = &page.location {
                url = url.join(location).unwrap();
                if url.port() != start.port() {
                    return url.query().unwrap().to_owned();
                }
                page = self.request("GET", &url, "").await;
                continue;
            }
            assert_eq!(page.status, 200, "{}", page.body);
            let form = page
                .body
                .split("<form ")
                .nth(1)
                .unwrap_or_else(|| panic!("no form in {}", page.body));
            let fields = match form.contains("password") {
                true => [("email", "tech@example.test"), ("password", "demo-password")].as_slice(),
                false => &[("decision", decision)],
            };
            let token = value(form, "name=\"form_token\" value=\"");
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            body.append_pair("form_token", &token).extend_pairs(fields);
            url = url.join(&value(form, "action=\"")).unwrap();
            page = self.request("POST", &url, &body.finish()).await;
        }
        panic!("the browser was sent around in circles, last to {url}");
    }

    async fn request(&mut self, method: &str, url: &Url, body: &str) -> Page {
        let address = (url.host_str().unwrap(), url.port().unwrap());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}:{}\r\ncookie: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            address.0,
            address.1,
            cookies.join("; "),
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut location = None;
        for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "location" => location = Some(value.to_owned()),
                "set-cookie" => {
                    let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
                _ => {}
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Page {
            status,
            location,
            body: body.to_owned(),
        }
    }
}

fn value(text: &str, start: &str) -> String {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    let value = text[from..].split('"').next().unwrap();
    value
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}
