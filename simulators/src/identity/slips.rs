//! What an identity provider can do wrong, or a forger in its place.

/// Something done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slip {
    /// The ID token holds another nonce.
    WrongNonce,
    /// The ID token holds none.
    NoNonce,
    /// The ID token is for another app.
    WrongAudience,
    /// The ID token is for another app, too.
    FurtherAudience,
    /// The ID token was issued to another app.
    WrongParty,
    /// The ID token names another issuer.
    WrongIssuer,
    /// The ID token ended two minutes ago.
    Expired,
    /// The ID token is of ten minutes ahead.
    Ahead,
    /// `alg: none`.
    Unsigned,
    /// HS256 with the client secret: anybody who knows it could have made it.
    SignedWithSecret,
    /// One bit of the signature is another.
    BrokenSignature,
    /// Signed with a key that is not published, under the published one's id.
    ForgedKey,
    /// Signed with a key of an id that is not published.
    UnknownKey,
    /// The ID token speaks of another access token.
    WrongAccessToken,
    /// There is no ID token.
    NoToken,
    /// The address is told at the UserInfo endpoint alone.
    AddressAtUserInfo,
    /// The UserInfo endpoint speaks of somebody else.
    WrongSubject,
    /// The configuration names another issuer.
    OtherIssuer,
    /// The authorization endpoint is no web page.
    ScriptAsPage,
    /// No configuration is there.
    NoConfiguration,
    /// The token endpoint refuses codes.
    RefusesCode,
    /// The token endpoint does not take the app's secret.
    RefusesClient,
    /// The app's id and secret are taken in the form only.
    SecretInForm,
    /// The token endpoint answers 503.
    Down,
    /// The token endpoint answers with a web page.
    WebPage,
}

/// Every slip by its name.
pub const SLIPS: [(&str, Slip); 25] = [
    ("wrong-nonce", Slip::WrongNonce),
    ("no-nonce", Slip::NoNonce),
    ("wrong-audience", Slip::WrongAudience),
    ("further-audience", Slip::FurtherAudience),
    ("wrong-party", Slip::WrongParty),
    ("wrong-issuer", Slip::WrongIssuer),
    ("expired", Slip::Expired),
    ("ahead", Slip::Ahead),
    ("unsigned", Slip::Unsigned),
    ("signed-with-secret", Slip::SignedWithSecret),
    ("broken-signature", Slip::BrokenSignature),
    ("forged-key", Slip::ForgedKey),
    ("unknown-key", Slip::UnknownKey),
    ("wrong-access-token", Slip::WrongAccessToken),
    ("no-token", Slip::NoToken),
    ("address-at-userinfo", Slip::AddressAtUserInfo),
    ("wrong-subject", Slip::WrongSubject),
    ("other-issuer", Slip::OtherIssuer),
    ("script-as-page", Slip::ScriptAsPage),
    ("no-configuration", Slip::NoConfiguration),
    ("refuses-code", Slip::RefusesCode),
    ("refuses-client", Slip::RefusesClient),
    ("secret-in-form", Slip::SecretInForm),
    ("down", Slip::Down),
    ("web-page", Slip::WebPage),
];
