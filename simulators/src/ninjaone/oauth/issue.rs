//! Issuing, exchanging, refreshing and revoking: the rules of RFC 6749, 7009 and 7636 as the vendor applies them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::answers::Refusal;
use super::apps::{App, GrantType};
use super::grants::{AccessToken, Books, Code, Grants, IssuedGrant, RefreshToken, later};
use super::options::{DeadRefresh, Rotation};
use super::pkce::check_verifier;
use super::scopes::{OFFLINE_ACCESS, unticked};

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// A successful answer of the token endpoint.
pub(super) struct Tokens {
    pub access_token: String,
    pub scopes: BTreeSet<String>,
    pub refresh_token: Option<String>,
}

/// What a consent allows, waiting for the client to fetch it.
pub(super) struct Consent {
    pub client_id: String,
    pub redirect_uri: String,
    pub scopes: BTreeSet<String>,
    pub user: String,
    pub challenge: Option<String>,
}

impl Grants {
    /// A new code for a consent.
    pub(super) fn issue_code(&self, consent: Consent) -> String {
        let now = self.clock.now();
        let mut books = self.books();
        // A used code is kept for a day after its end so that using it again can be told from guessing.
        books
            .codes
            .retain(|_, code| later(code.expires, SECONDS_PER_DAY) > now);
        let text = books.random(24);
        let code = Code {
            client_id: consent.client_id,
            redirect_uri: consent.redirect_uri,
            scopes: consent.scopes,
            user: consent.user,
            challenge: consent.challenge,
            expires: later(now, self.options.code_seconds.into()),
            used: false,
            grant: None,
        };
        books.codes.insert(text.clone(), code);
        text
    }

    /// Exchanges a code. The code is spent by the first attempt, also by a failed one.
    pub(super) fn redeem_code(
        &self,
        app: &App,
        code: &str,
        redirect_uri: &str,
        verifier: Option<&str>,
    ) -> Result<Tokens, Refusal> {
        let now = self.clock.now();
        let mut books = self.books();
        let Some(found) = books.codes.get_mut(code) else {
            return Err(Refusal::invalid_grant("the code is unknown"));
        };
        if found.used {
            let made = found.grant;
            if self.options.reused_code_revokes_grant
                && let Some(grant) = made.and_then(|grant| books.grants.get_mut(grant))
            {
                grant.revoked.get_or_insert(now);
            }
            return Err(Refusal::invalid_grant("the code was used before"));
        }
        found.used = true;
        if found.expires <= now {
            return Err(Refusal::invalid_grant("the code has expired"));
        }
        if found.client_id != app.client_id {
            return Err(Refusal::invalid_grant("the code was issued to another client"));
        }
        if found.redirect_uri != redirect_uri {
            return Err(Refusal::invalid_grant(
                "redirect_uri differs from the one of the authorization request",
            ));
        }
        check_verifier(found.challenge.as_deref(), verifier)?;
        let (user, scopes) = (found.user.clone(), found.scopes.clone());

        let grant = self.open_grant(&mut books, &app.client_id, Some(&user), scopes.clone(), now);
        if let Some(found) = books.codes.get_mut(code) {
            found.grant = Some(grant);
        }
        let offline = scopes.contains(OFFLINE_ACCESS) && app.grant_types.contains(&GrantType::RefreshToken);
        let access_token = self.new_access_token(&mut books, grant, scopes.clone(), now);
        let refresh_token = offline.then(|| self.new_refresh_token(&mut books, grant, now));
        Ok(Tokens {
            access_token,
            scopes,
            refresh_token,
        })
    }

    /// Exchanges a refresh token. `scopes` can narrow what the new access token allows, never widen it.
    pub(super) fn refresh(
        &self,
        app: &App,
        token: &str,
        scopes: Option<BTreeSet<String>>,
    ) -> Result<Tokens, Refusal> {
        let now = self.clock.now();
        let mut books = self.books();
        let live = books.refresh.get(token).filter(|found| {
            found.dead_from.is_none_or(|end| now < end)
                && found.expires.is_none_or(|end| now < end)
                && !books.is_revoked(found.grant)
        });
        let grant = live.map(|found| found.grant);
        let granted = grant
            .and_then(|grant| books.grants.get(grant))
            .filter(|grant| grant.client_id == app.client_id)
            .map(|grant| grant.scopes.clone());
        let (Some(grant), Some(granted)) = (grant, granted) else {
            return Err(match self.options.dead_refresh {
                DeadRefresh::InvalidToken => Refusal::bare(400, "invalid_token"),
                DeadRefresh::InvalidGrant => Refusal::bare(400, "invalid_grant"),
            });
        };
        if let Some(wider) = scopes
            .as_ref()
            .and_then(|asked| asked.difference(&granted).next())
        {
            let text = format!("the scope {wider:?} was not granted; a refresh cannot widen a grant");
            return Err(Refusal::new(400, "invalid_scope", &text));
        }
        let scopes = scopes.unwrap_or(granted);
        let refresh_token = self.rotate(&mut books, token, grant, now);
        let access_token = self.new_access_token(&mut books, grant, scopes.clone(), now);
        Ok(Tokens {
            access_token,
            scopes,
            refresh_token,
        })
    }

    /// The refresh token of the answer to a refresh, with what that means for the one that was used.
    fn rotate(&self, books: &mut Books, used: &str, grant: usize, now: Timestamp) -> Option<String> {
        if !self.options.refresh_answer_has_token {
            return None;
        }
        let end = match self.options.rotation {
            Rotation::Static => return Some(used.to_owned()),
            Rotation::Invalidate => now,
            Rotation::Grace(seconds) => later(now, seconds.into()),
        };
        if let Some(old) = books.refresh.get_mut(used) {
            // A second use within the grace does not prolong it.
            old.dead_from.get_or_insert(end);
        }
        Some(self.new_refresh_token(books, grant, now))
    }

    /// A token of the app itself, without user and without refresh token. No scope means all the app has.
    pub(super) fn client_credentials(
        &self,
        app: &App,
        scopes: Option<BTreeSet<String>>,
    ) -> Result<Tokens, Refusal> {
        let mut scopes = scopes.unwrap_or_else(|| app.scopes.clone());
        // There is no refresh token to ask for here; the wish is dropped rather than refused (our choice).
        scopes.remove(OFFLINE_ACCESS);
        if let Some(problem) = unticked(app, &scopes) {
            return Err(Refusal::new(400, "invalid_scope", &problem));
        }
        let now = self.clock.now();
        let mut books = self.books();
        let grant = self.open_grant(&mut books, &app.client_id, None, scopes.clone(), now);
        let access_token = self.new_access_token(&mut books, grant, scopes.clone(), now);
        Ok(Tokens {
            access_token,
            scopes,
            refresh_token: None,
        })
    }

    /// RFC 7009: a refresh token takes its whole grant along, an access token only itself; an unknown one is fine.
    pub(super) fn revoke_token(&self, app: &App, token: &str) -> Result<(), Refusal> {
        let now = self.clock.now();
        let mut books = self.books();
        let refresh = books.refresh.get(token).map(|found| found.grant);
        let Some(place) = refresh.or_else(|| books.access.get(token).map(|found| found.grant)) else {
            return Ok(());
        };
        let Some(grant) = books.grants.get_mut(place) else {
            return Ok(());
        };
        if grant.client_id != app.client_id {
            return Err(Refusal::invalid_grant("the token was issued to another client"));
        }
        if refresh.is_some() {
            grant.revoked.get_or_insert(now);
        } else if let Some(access) = books.access.get_mut(token) {
            access.revoked = true;
        }
        Ok(())
    }

    /// Enters a grant and returns its place.
    pub(super) fn open_grant(
        &self,
        books: &mut Books,
        client_id: &str,
        user: Option<&str>,
        scopes: BTreeSet<String>,
        now: Timestamp,
    ) -> usize {
        let id = books.uuid();
        books.grants.push(IssuedGrant {
            id,
            client_id: client_id.to_owned(),
            user: user.map(str::to_owned),
            scopes,
            issued: now,
            revoked: None,
        });
        books.grants.len() - 1
    }

    /// Enters an access token: an opaque string.
    pub(super) fn new_access_token(
        &self,
        books: &mut Books,
        grant: usize,
        scopes: BTreeSet<String>,
        now: Timestamp,
    ) -> String {
        let text = books.random(32);
        let expires = later(now, self.options.access_token_seconds.into());
        books.access.insert(
            text.clone(),
            AccessToken {
                grant,
                scopes,
                expires,
                revoked: false,
            },
        );
        text
    }

    /// Enters a refresh token: `<uuid>.<random>`.
    fn new_refresh_token(&self, books: &mut Books, grant: usize, now: Timestamp) -> String {
        let text = format!("{}.{}", books.uuid(), books.random(32));
        let expires = self
            .options
            .refresh_token_days
            .map(|days| later(now, i64::from(days) * SECONDS_PER_DAY));
        books.refresh.insert(
            text.clone(),
            RefreshToken {
                grant,
                expires,
                dead_from: None,
            },
        );
        text
    }
}
