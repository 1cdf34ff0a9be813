//! The guard against private hosts: a connection's base URL comes from a form, so without it anybody who may add
//! a connection could make this machine ask its neighbours. It is applied to the address really connected to.

use crate::error::{Error, Kind};
use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public ones.
    Public,
    /// Private ones too: an owner allowed them. Cloud metadata services stay out.
    Any,
    /// Private ones only: plain `http` is spoken with nobody else.
    Private,
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        // They hand out the machine's own credentials to whoever asks; no vendor lives there.
        if is_metadata(address) {
            return false;
        }
        match self {
            Self::Public => is_public(address),
            Self::Any => true,
            Self::Private => !is_public(address),
        }
    }
}

/// A host that may not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    host: String,
    address: Option<IpAddr>,
    reach: Reach,
}

impl Refused {
    /// What to do about it.
    pub(super) fn advice(&self) -> &'static str {
        if self.address.is_some_and(is_metadata) {
            return "No connection may reach it. Correct the base URL";
        }
        match self.reach {
            Reach::Private => "Use https, so that the token does not cross the network readable",
            _ => "An owner can allow private hosts for this connection",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match self.address {
            Some(address) if address.to_string() != self.host => format!(" ({address})"),
            _ => String::new(),
        };
        if self.address.is_some_and(is_metadata) {
            return write!(f, "{}{address} is a cloud's metadata service", self.host);
        }
        match self.reach {
            Reach::Private => write!(f, "{}{address} is a public host and the URL says http", self.host),
            _ => write!(f, "{}{address} is a private or reserved address", self.host),
        }
    }
}

impl StdError for Refused {}

/// A name that could not be resolved.
#[derive(Debug)]
pub(super) struct Unresolved {
    pub(super) host: String,
    cause: Option<std::io::Error>,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name {} could not be resolved", self.host)?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl StdError for Unresolved {}

/// Whether an address belongs to the public internet (IANA special-purpose registries, and what clouds put on
/// addresses of their own).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Where clouds answer with credentials: AWS, Azure, Google (169.254.169.254, fd00:ec2::254), AWS tasks
/// (169.254.170.2), Alibaba (100.100.100.200), Oracle (192.0.0.192), Azure's host agent (168.63.129.16).
fn is_metadata(address: IpAddr) -> bool {
    const V4: [[u8; 4]; 5] = [
        [169, 254, 169, 254],
        [169, 254, 170, 2],
        [100, 100, 100, 200],
        [192, 0, 0, 192],
        [168, 63, 129, 16],
    ];
    match address {
        IpAddr::V4(v4) => V4.contains(&v4.octets()),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => V4.contains(&v4.octets()),
            None => v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = match (a, b, c) {
        (0 | 10 | 127, _, _) | (224..=255, _, _) => true,
        (100, 64..=127, _) => true, // carrier-grade NAT, RFC 6598
        (169, 254, _) => true,      // link-local; cloud metadata answers here
        (172, 16..=31, _) => true,  // RFC 1918
        (192, 168, _) => true,      // RFC 1918
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => true, // protocol and documentation
        (192, 88, 99) => true,      // 6to4 relays
        (198, 18 | 19, _) => true,  // benchmarks
        _ => address == Ipv4Addr::new(168, 63, 129, 16), // Azure's metadata host
    };
    !reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let s = address.segments();
    let low = Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7]));
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_public_v4(low), // NAT64
        [0x2002, a, b, ..] => is_public_v4(Ipv4Addr::from((u32::from(a) << 16) | u32::from(b))), // 6to4
        [0x2001, 0, ..] | [0x2001, 0xdb8, ..] => false,        // Teredo, documentation
        [first, ..] => (0x2000..=0x3fff).contains(&first),     // global unicast; everything else is special
    }
}

/// Checks a URL whose host is an address; names are checked when they are resolved.
pub(super) fn check_literal(url: &Url, reach: Reach) -> Result<(), Refused> {
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        _ => return Ok(()),
    };
    if reach.allows(address) {
        Ok(())
    } else {
        Err(Refused {
            host: address.to_string(),
            address: Some(address),
            reach,
        })
    }
}

/// The addresses of a host that may be spoken to, for protocols other than HTTP.
pub(crate) async fn addresses(
    doing: &str,
    host: &str,
    allow_private_hosts: bool,
) -> Result<Vec<IpAddr>, Error> {
    let reach = match allow_private_hosts {
        true => Reach::Any,
        false => Reach::Public,
    };
    match resolve(host, reach).await {
        Ok(found) => Ok(found.into_iter().map(|address| address.ip()).collect()),
        Err(error) => Err(match error.downcast::<Refused>() {
            Ok(refused) => {
                Error::new(Kind::Configuration, doing, refused.to_string()).advise(refused.advice())
            }
            Err(unresolved) => Error::new(Kind::Unavailable, doing, unresolved.to_string())
                .advise("Check the name, and whether this machine can resolve names"),
        }),
    }
}

/// The addresses of `host` that may be connected to.
pub(super) async fn resolve(
    host: &str,
    reach: Reach,
) -> Result<Vec<SocketAddr>, Box<dyn StdError + Send + Sync>> {
    let unresolved = |cause| Unresolved {
        host: host.to_owned(),
        cause,
    };
    let all: Vec<_> = tokio::net::lookup_host((host, 0))
        .await
        .map_err(|e| unresolved(Some(e)))?
        .collect();
    let allowed: Vec<_> = all.iter().copied().filter(|a| reach.allows(a.ip())).collect();
    match (allowed.is_empty(), all.first()) {
        (true, None) => Err(unresolved(None).into()),
        (true, Some(first)) => Err(Refused {
            host: host.to_owned(),
            address: Some(first.ip()),
            reach,
        }
        .into()),
        _ => Ok(allowed),
    }
}

/// Resolves names for the HTTP client, and hands over only addresses that may be connected to.
pub(super) struct Guard {
    /// What may be reached.
    pub(super) reach: Reach,
    /// The proxy's own host; the operator named it.
    pub(super) proxy: Option<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let reach = if self.proxy.as_deref() == Some(host.as_str()) {
            Reach::Any
        } else {
            self.reach
        };
        Box::pin(async move { Ok(Box::new(resolve(&host, reach).await?.into_iter()) as Addrs) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn metadata_services_are_out_of_reach_even_where_private_hosts_are_allowed() {
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "168.63.129.16",
        ] {
            for reach in [Reach::Public, Reach::Any, Reach::Private] {
                assert!(!reach.allows(address(text)), "{text}");
            }
        }
        assert!(Reach::Any.allows(address("169.254.1.1")));
    }

    #[test]
    fn private_and_reserved_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(address(text)), "{text}");
        }
        for text in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_seen_through() {
        for url in [
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://2130706433/",
            "https://[::ffff:7f00:1]/",
            "https://0/",
            "https://127.0.0.1./",
        ] {
            let url = Url::parse(url).unwrap();
            assert!(check_literal(&url, Reach::Public).is_err(), "{url}");
            assert!(check_literal(&url, Reach::Any).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_its_addresses() {
        let refused = resolve("localhost", Reach::Public).await.unwrap_err();
        let refused = refused.downcast_ref::<Refused>().expect("refused");
        assert!(refused.to_string().starts_with("localhost ("), "{refused}");
        assert_eq!(
            refused.advice(),
            "An owner can allow private hosts for this connection"
        );
        assert!(!resolve("localhost", Reach::Private).await.unwrap().is_empty());
    }
}
