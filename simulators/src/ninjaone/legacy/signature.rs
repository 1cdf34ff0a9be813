//! The signature of a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// What is signed.
pub(super) struct Signed<'a> {
    pub verb: &'a str,
    pub content_md5: &'a str,
    pub content_type: &'a str,
    pub date: &'a str,
    /// The path without the query.
    pub resource: &'a str,
}

impl Signed<'_> {
    /// `base64(HMAC-SHA1(secret, base64(verb \n md5 \n type \n date \n resource)))`
    pub fn signature(&self, secret: &str) -> String {
        let lines = [
            self.verb,
            self.content_md5,
            self.content_type,
            self.date,
            self.resource,
        ];
        let text = STANDARD.encode(lines.join("\n"));
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else {
            return String::new();
        };
        mac.update(text.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector NinjaRMM published with API v1.
    #[test]
    fn the_published_vector_holds() {
        let signed = Signed {
            verb: "GET",
            content_md5: "",
            content_type: "",
            date: "Sun, 01 May 2016 06:51:10 GMT",
            resource: "/v1/customers",
        };
        let signature = signed.signature("eh14c4ngchhu6283he03j6o7ar2fcuca0example");
        assert_eq!(signature, "rEZWuXR0X1wX3autLTHIl2zX98I=");
    }
}
