//! The keys ID tokens are signed with (RFC 7515, RFC 7517, RFC 7518).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

/// A private key that everybody may read: it signs for this simulator alone, and saves making one in each test.
const RSA: &str = include_str!("rsa.b64");

enum Private {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// A key with its id.
pub(super) struct Key {
    pub id: String,
    private: Private,
}

/// The key that signs, and one that nobody is told of.
pub(super) struct Keys {
    pub signing: Key,
    pub hidden: Key,
    made: u32,
}

impl Key {
    fn rsa(id: &str) -> Result<Self, String> {
        let text: String = RSA.split_whitespace().collect();
        let der = STANDARD.decode(text).map_err(|error| error.to_string())?;
        let key = RsaKeyPair::from_der(&der).map_err(|error| error.to_string())?;
        Ok(Self {
            id: id.to_owned(),
            private: Private::Rsa(key),
        })
    }

    fn ec(id: &str) -> Result<Self, String> {
        let (way, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let der = EcdsaKeyPair::generate_pkcs8(way, &random).map_err(|error| error.to_string())?;
        let key = EcdsaKeyPair::from_pkcs8(way, der.as_ref(), &random).map_err(|error| error.to_string())?;
        Ok(Self {
            id: id.to_owned(),
            private: Private::Ec(key),
        })
    }

    pub fn algorithm(&self) -> &'static str {
        match self.private {
            Private::Rsa(_) => "RS256",
            Private::Ec(_) => "ES256",
        }
    }

    pub fn sign(&self, text: &str) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        match &self.private {
            Private::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
                    .map_err(|error| error.to_string())?;
                Ok(signature)
            }
            Private::Ec(key) => {
                let signature = key.sign(&random, text.as_bytes());
                Ok(signature.map_err(|error| error.to_string())?.as_ref().to_vec())
            }
        }
    }

    /// The public half as a JSON Web Key.
    pub fn public(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match &self.private {
            Private::Rsa(key) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
            Private::Ec(key) => {
                // An uncompressed point: 4, then both coordinates.
                let point = key.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
            }
        };
        key["kid"] = json!(self.id);
        key["use"] = json!("sig");
        key["alg"] = json!(self.algorithm());
        key
    }
}

impl Keys {
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            signing: Key::rsa("key-1")?,
            hidden: Key::ec("key-0")?,
            made: 1,
        })
    }

    /// Signs with a new key from now on.
    pub fn rotate(&mut self) -> Result<(), String> {
        self.made += 1;
        self.signing = Key::ec(&format!("key-{}", self.made))?;
        Ok(())
    }
}
