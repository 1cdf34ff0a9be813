//! Who may pass: a bearer token with the scope the method needs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Refusal;
use crate::ninjaone::oauth::Access;
use crate::ninjaone::tenant::Tenant;

/// Checks the token and leaves its [`Access`] in the request's extensions.
pub(super) async fn check(
    State(tenant): State<Arc<Tenant>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or_else(Refusal::missing_header)?;
    let text = header.to_str().map_err(|_| Refusal::invalid_header())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(Refusal::invalid_header)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(Refusal::invalid_header());
    }
    let access = tenant
        .grants
        .verify(token.trim())
        .map_err(|_| Refusal::not_authenticated())?;
    let scope = if reads(&request) {
        "monitoring"
    } else {
        "management"
    };
    if !access.scopes.contains(scope) {
        return Err(Refusal::missing_scope(tenant.quirks.missing_scope_status));
    }
    request.extensions_mut().insert(access);
    Ok(next.run(request).await)
}

/// Whether a request only reads. Running a ticket board is a POST that reads.
fn reads(request: &Request) -> bool {
    let path = request.uri().path();
    matches!(*request.method(), Method::GET | Method::HEAD)
        || (path.contains("/ticketing/trigger/board/") && path.ends_with("/run"))
}

/// Refuses a token without a user, where the vendor needs to know who acts.
pub(super) fn need_user(tenant: &Tenant, access: &Access) -> Result<String, Refusal> {
    access
        .user
        .clone()
        .ok_or_else(|| Refusal::user_context_required(tenant.quirks.no_user_status))
}
