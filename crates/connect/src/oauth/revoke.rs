//! Giving a grant back (RFC 7009), when a person disconnects or a grant turns out not to be wanted.

use super::failure::{OauthFailure, OauthStep};
use super::{OauthApp, token};
use crate::error::Error;
use crate::grant::NewGrant;
use crate::http::{Http, host_of};
use secrecy::ExposeSecret;

/// Asks the vendor to forget a pair. False when the vendor has no place to ask.
///
/// # Errors
/// Whatever the vendor answered; the pair may still be alive then.
pub async fn revoke(app: &OauthApp, http: &Http, pair: &NewGrant) -> Result<bool, Error> {
    const DOING: &str = "giving the grant back";
    let Some(url) = &app.endpoints.revoke else {
        return Ok(false);
    };
    // Revoking the refresh token ends the access token with it, the other way round it need not (§2.1).
    let (token, hint) = match &pair.refresh_token {
        Some(refresh) => (refresh, "refresh_token"),
        None => (&pair.access_token, "access_token"),
    };
    let form = [("token", token.expose_secret()), ("token_type_hint", hint)];
    let answer = token::post(app, http, DOING, url, &form).await?;
    if (200..300).contains(&answer.status) {
        return Ok(true);
    }
    let mut secrets = vec![token.expose_secret()];
    secrets.extend(app.client_secret.iter().map(ExposeSecret::expose_secret));
    Err(OauthFailure::of_answer(OauthStep::Revoke, &answer, &secrets).into_error(app, &host_of(url), DOING))
}
