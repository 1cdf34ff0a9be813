//! What a provider says of itself, and requests to it through our own HTTP stack.

use super::{OidcApp, failure};
use crate::error::{Error, Kind};
use crate::http::Http;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, ProviderMetadata, RedirectUrl,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use std::pin::Pin;

/// What RFC 8414 adds to the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Further {
    /// The ways of PKCE it takes.
    #[serde(default)]
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Further {}

type Metadata = ProviderMetadata<
    Further,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A client of a provider whose configuration was read.
pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider's configuration and keys.
pub(super) struct Discovered(pub(super) Metadata);

/// Sends the library's requests the way all of ours go: guard, proxy, certificates, deadline, size.
pub(super) struct Sender<'a> {
    http: &'a Http,
    doing: &'static str,
}

impl<'a> Sender<'a> {
    pub(super) fn new(http: &'a Http, doing: &'static str) -> Self {
        Self { http, doing }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = self.http.exchange(self.doing, request).await?;
        if answer.status >= 500 || answer.status == 429 {
            let what = format!("{host} answered {}", answer.status);
            return Err(Error::new(Kind::Unavailable, self.doing, what).advise(failure::LATER));
        }
        let mut response = HttpResponse::new(answer.body.to_vec());
        *response.headers_mut() = answer.headers;
        *response.status_mut() = http::StatusCode::from_u16(answer.status)
            .map_err(|error| Error::new(Kind::Protocol, self.doing, error.to_string()))?;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Sender<'_> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

impl Discovered {
    /// Reads the configuration below the issuer, and the keys it leads to.
    pub(super) async fn read(app: &OidcApp, http: &Http, doing: &'static str) -> Result<Self, Error> {
        let issuer = IssuerUrl::new(app.issuer.clone())
            .map_err(|error| Error::new(Kind::Configuration, doing, error.to_string()))?;
        let sender = Sender::new(http, doing);
        let metadata = Metadata::discover_async(issuer, &sender)
            .await
            .map_err(|error| failure::of_discovery(doing, http.host(), error))?;
        // A browser is sent there: nothing but a page will do, and no weaker one than the issuer's.
        let authorize = metadata.authorization_endpoint().url();
        let plain = app.issuer.starts_with("http://") && authorize.scheme() == "http";
        if authorize.scheme() != "https" && !plain {
            let what = "the provider names an authorization endpoint that is not https";
            return Err(Error::new(Kind::Configuration, doing, what).advise("Ask whoever runs the provider"));
        }
        Ok(Self(metadata))
    }

    /// The client that asks it.
    pub(super) fn client(&self, app: &OidcApp, redirect: &str, doing: &str) -> Result<Client, Error> {
        let redirect = RedirectUrl::new(redirect.to_owned())
            .map_err(|error| Error::new(Kind::Configuration, doing, error.to_string()))?;
        let secret = ClientSecret::new(app.client_secret.expose_secret().to_owned());
        let client = CoreClient::from_provider_metadata(
            self.0.clone(),
            ClientId::new(app.client_id.clone()),
            Some(secret),
        )
        .set_redirect_uri(redirect);
        // Without a word of it `client_secret_basic` is meant (Discovery 1.0 §3).
        let posts = self
            .0
            .token_endpoint_auth_methods_supported()
            .is_some_and(|ways| {
                !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
                    && ways.contains(&CoreClientAuthMethod::ClientSecretPost)
            });
        Ok(match posts {
            true => client.set_auth_type(AuthType::RequestBody),
            false => client,
        })
    }
}
