//! What every connector asks of its settings before it opens a connection.

use crate::connector::SettingProblem;
use crate::error::{Error, Kind};
use url::Url;

/// The key of a problem that allowing private hosts for the connection would mend.
pub const PRIVATE_HOSTS: &str = "private_hosts";

/// Refuses an address without TLS, unless private hosts are allowed: then it is a simulator, or in a network of one's own.
/// `sent` is what others could read on the way.
///
/// # Errors
/// The problem, at the switch that would mend it.
pub fn require_tls(base: &Url, sent: &str, allow_private_hosts: bool) -> Result<(), Vec<SettingProblem>> {
    match base.scheme() {
        "http" if !allow_private_hosts => Err(vec![SettingProblem {
            key: PRIVATE_HOSTS.to_owned(),
            message: format!(
                "{base} would send {sent} without encryption. Use https, or allow private hosts for this connection if it \
                 is a simulator"
            ),
        }]),
        _ => Ok(()),
    }
}

/// The error of a connection that cannot be opened with its settings; `doing` is what was tried.
pub fn unusable(doing: &str, problems: &[SettingProblem]) -> Error {
    let texts: Vec<_> = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.key, problem.message))
        .collect();
    Error::new(Kind::Configuration, doing, texts.join("; ")).advise("Correct the connection's settings")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_encrypted_or_allowed_is_sent() {
        let [open, encrypted] = ["http://10.0.0.7/", "https://10.0.0.7/"].map(|url| Url::parse(url).unwrap());
        assert_eq!(require_tls(&encrypted, "tokens", false), Ok(()));
        assert_eq!(require_tls(&open, "tokens", true), Ok(()));
        let problems = require_tls(&open, "tokens", false).unwrap_err();
        let error = unusable("opening it", &problems);
        assert_eq!(error.kind, Kind::Configuration);
        assert!(
            error
                .what
                .starts_with("private_hosts: http://10.0.0.7/ would send tokens"),
            "{error}"
        );
    }
}
