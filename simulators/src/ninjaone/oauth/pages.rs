//! The pages a technician sees. Complete HTML without script; everything that came from outside is escaped.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::answers::no_store;
use super::authorize::Request;
use super::scopes::OFFLINE_ACCESS;

/// Where the pages live; the older paths lead here too.
pub(super) const AUTHORIZE_PATH: &str = "/ws/oauth/authorize";
pub(super) const SIGN_IN_PATH: &str = "/ws/oauth/sign-in";
const SIGN_OUT_PATH: &str = "/ws/oauth/sign-out";

pub(crate) const STYLE: &str = "
:root { color-scheme: light dark; --page: #eef1f4; --card: #fff; --text: #1b2530; --soft: #4d5b69;
  --line: #8492a1; --accent: #0b5cad; --on-accent: #fff; --alert: #a3161b; --alert-card: #fdecec; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12181f; --card: #1c252f; --text: #e8edf2; --soft: #aab6c3; --line: #6d7b8a;
    --accent: #7cb8f5; --on-accent: #0b1a29; --alert: #ffb3b3; --alert-card: #45201f; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1rem; min-height: 100vh; display: flex; flex-direction: column; align-items: center;
  justify-content: center; gap: 1rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { width: 100%; max-width: 28rem; padding: 1.75rem; background: var(--card); border-radius: 0.75rem;
  box-shadow: 0 1px 4px rgb(0 0 0 / 25%); }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.3; }
h2 { margin: 1.25rem 0 0.5rem; font-size: 1rem; }
p { margin: 0 0 1rem; }
ul { margin: 0 0 1.25rem; padding-left: 1.25rem; }
li { margin-bottom: 0.4rem; }
label { display: block; margin-bottom: 0.25rem; font-weight: 600; }
input { width: 100%; margin-bottom: 1rem; padding: 0.6rem 0.7rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: 0.4rem; }
button { padding: 0.6rem 1.2rem; font: inherit; font-weight: 600; border: 1px solid var(--accent);
  border-radius: 0.4rem; background: var(--accent); color: var(--on-accent); cursor: pointer; }
button.second { background: transparent; color: var(--accent); }
button.text { padding: 0; border: 0; background: none; color: var(--accent); text-decoration: underline; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.choices { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-bottom: 1.25rem; }
.soft { color: var(--soft); }
.alert { padding: 0.7rem 0.9rem; border-left: 4px solid var(--alert); background: var(--alert-card); color: var(--alert); }
.who { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: baseline; padding-top: 1rem;
  border-top: 1px solid var(--line); }
footer { max-width: 28rem; color: var(--soft); font-size: 0.875rem; text-align: center; text-wrap: balance; }
";

/// Sends the browser to `address`.
pub(super) fn go(status: StatusCode, address: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(address) else {
        return notice(
            StatusCode::BAD_REQUEST,
            "Bad address",
            "The address to go to is not a valid one.",
            "",
        );
    };
    let mut answer = no_store(status);
    answer.headers_mut().insert(header::LOCATION, location);
    // The address may hold a code; the next page must not hand it on.
    answer
        .headers_mut()
        .insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}

/// The sign-in form. `email` is what was typed before, `problem` why it failed.
pub(super) fn sign_in(
    status: StatusCode,
    query: &str,
    form_token: &str,
    email: &str,
    problem: Option<&str>,
) -> Response {
    let alert = problem.map_or_else(String::new, |problem| {
        format!(
            "<p class=\"alert\" role=\"alert\" id=\"problem\">{}</p>",
            escape(problem)
        )
    });
    let described = if problem.is_some() {
        " aria-invalid=\"true\" aria-describedby=\"problem\""
    } else {
        ""
    };
    // After a failure the password is what has to be typed again.
    let (first, second) = if email.is_empty() {
        (" autofocus", "")
    } else {
        ("", " autofocus")
    };
    let main = format!(
        "<h1>Sign in to NinjaOne</h1>\n{alert}\n\
         <form method=\"post\" action=\"{SIGN_IN_PATH}?{query}\">\n{hidden}\n\
         <label for=\"email\">E-mail address</label>\n\
         <input id=\"email\" name=\"email\" type=\"email\" autocomplete=\"username\" required value=\"{email}\"{described}{first}>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required{described}{second}>\n\
         <button type=\"submit\">Sign in</button>\n</form>",
        query = escape(query),
        hidden = hidden(form_token),
        email = escape(email),
    );
    page(status, "Sign in", &main)
}

/// The consent page: who asks, for what, on whose behalf, and where the browser goes next.
pub(super) fn consent(request: &Request, query: &str, user: &str, form_token: &str) -> Response {
    let scopes: String = request
        .scopes
        .iter()
        .map(|scope| {
            format!(
                "<li><strong>{}</strong>: {}</li>\n",
                escape(scope),
                escape(meaning(scope))
            )
        })
        .collect();
    let main = format!(
        "<h1>Allow {name} to use NinjaOne?</h1>\n\
         <p>The app <strong>{name}</strong> (client ID <code>{id}</code>) asks for access on your behalf.</p>\n\
         <h2>It will be able to</h2>\n<ul>\n{scopes}</ul>\n\
         <p class=\"soft\">You will then be sent to <code>{target}</code>.</p>\n\
         <form method=\"post\" action=\"{AUTHORIZE_PATH}?{query}\" class=\"choices\">\n{hidden}\n\
         <button type=\"submit\" name=\"decision\" value=\"approve\">Approve</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"deny\" class=\"second\">Deny</button>\n</form>\n\
         <form method=\"post\" action=\"{SIGN_OUT_PATH}?{query}\" class=\"who\">\n{hidden}\n\
         <span class=\"soft\">Signed in as {user}.</span>\n\
         <button type=\"submit\" class=\"text\">Use another account</button>\n</form>",
        name = escape(&request.app.name),
        id = escape(&request.app.client_id),
        target = escape(&request.back.redirect_uri),
        query = escape(query),
        hidden = hidden(form_token),
        user = escape(user),
    );
    page(StatusCode::OK, "Allow access", &main)
}

/// A form whose token is not the session's: an old page, a lost cookie, or somebody else's form.
pub(super) fn stale_form(query: &str) -> Response {
    let text = "This page is too old, or your browser did not send its cookie. Nothing was changed.";
    notice(StatusCode::FORBIDDEN, "Please start again", text, query)
}

/// A page that only says something, with a way back to the authorization request where there is one.
pub(super) fn notice(status: StatusCode, title: &str, text: &str, query: &str) -> Response {
    let again = if query.is_empty() {
        String::new()
    } else {
        format!(
            "\n<p><a href=\"{AUTHORIZE_PATH}?{}\">Start again</a></p>",
            escape(query)
        )
    };
    page(
        status,
        title,
        &format!("<h1>{}</h1>\n<p>{}</p>{again}", escape(title), escape(text)),
    )
}

fn page(status: StatusCode, title: &str, main: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – NinjaOne simulator</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <main>\n{main}\n</main>\n\
         <footer>This is a simulator. Do not enter a password you use anywhere else.</footer>\n</body>\n</html>\n",
        title = escape(title),
    );
    let mut answer = no_store((status, Html(html)).into_response());
    let headers = answer.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Ok(policy) = HeaderValue::try_from(content_policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// No script, no frame, only this page's style. `form-action` is left out: browsers hold it against the redirect that
/// follows the consent form, which goes to the client.
fn content_policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'")
}

fn hidden(form_token: &str) -> String {
    format!(
        "<input type=\"hidden\" name=\"form_token\" value=\"{}\">",
        escape(form_token)
    )
}

fn meaning(scope: &str) -> &'static str {
    match scope {
        "monitoring" => "read devices, organizations, alerts and tickets",
        "management" => "create and change records, restart devices and run scripts",
        "control" => "open remote access to devices",
        OFFLINE_ACCESS => "stay connected while you are away",
        _ => "a permission this simulator does not describe",
    }
}

/// Text made safe between tags and within quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            escape("<a href=\"x\">&'"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"
        );
    }
}
