//! Parameters of a query or a form, as RFC 6749 reads them.

use std::collections::HashSet;

/// The parameters of one request.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded` text.
    pub fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// The value of a parameter. One without a value counts as absent (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// The first parameter that occurs twice, which RFC 6749 §3.1 and §3.2 forbid.
    pub fn repeated(&self) -> Option<&str> {
        let mut seen = HashSet::new();
        self.0
            .iter()
            .map(|(name, _)| name.as_str())
            .find(|name| !seen.insert(*name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_empty_ones_are_absent() {
        let fields = Fields::parse(b"scope=monitoring+offline_access&state=a%26b&client_id=");
        assert_eq!(fields.get("scope"), Some("monitoring offline_access"));
        assert_eq!(fields.get("state"), Some("a&b"));
        assert_eq!(fields.get("client_id"), None);
        assert_eq!(fields.repeated(), None);
        assert_eq!(Fields::parse(b"a=1&b=2&a=3").repeated(), Some("a"));
    }
}
