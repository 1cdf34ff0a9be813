//! Who is at the other end: the address a request comes from, also where a proxy stands in between.
//!
//! `X-Forwarded-For` is believed from proxies that were named, and from nobody else: whoever may write it could otherwise
//! sign in from a new address with every attempt. `X-Forwarded-Host` and `-Proto` are never looked at; the public address is
//! a setting.

use crate::Web;
use crate::tls::TlsListener;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::IncomingStream;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use tokio::net::TcpListener;

/// The address of the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Addresses whose word is believed: one, or all that begin alike (`10.0.0.0/8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy {
    address: IpAddr,
    bits: u8,
}

impl TrustedProxy {
    /// Whether `address` is one of them.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => alike(&a.octets(), &b.octets(), self.bits),
            (IpAddr::V6(a), IpAddr::V6(b)) => alike(&a.octets(), &b.octets(), self.bits),
            _ => false,
        }
    }
}

fn alike(a: &[u8], b: &[u8], bits: u8) -> bool {
    let (whole, rest) = (usize::from(bits / 8), bits % 8);
    let mask = !(0xff_u8.checked_shr(u32::from(rest)).unwrap_or(0));
    a[..whole] == b[..whole] && (rest == 0 || a[whole] & mask == b[whole] & mask)
}

impl FromStr for TrustedProxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address, nor a range like 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Finds out who asks, for handlers that take `ConnectInfo<SocketAddr>`.
pub async fn find_out(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    if let Some(ConnectInfo(Peer(peer))) = request.extensions().get().copied() {
        let address = asker(peer.ip(), request.headers(), &web.site.trusted_proxies);
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::new(address, peer.port())));
    }
    next.run(request).await
}

/// The nearest address that is no proxy of ours. Each proxy adds the one it was asked by at the end.
fn asker(peer: IpAddr, headers: &HeaderMap, trusted: &[TrustedProxy]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|proxy| proxy.holds(address));
    let mut nearest = peer;
    if !is_trusted(peer) {
        return nearest;
    }
    let lines = headers.get_all("x-forwarded-for").into_iter().rev();
    for line in lines {
        for address in line.to_str().unwrap_or_default().split(',').rev() {
            // What is no address was not written by a proxy of ours: the last one that was is as far as we know.
            let Ok(address) = address.trim().parse::<IpAddr>() else {
                return nearest;
            };
            nearest = address;
            if !is_trusted(address) {
                return nearest;
            }
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn seen(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = ["127.0.0.1".parse().unwrap(), "10.1.0.0/12".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        asker(ip(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn only_named_proxies_are_believed() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(seen("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        // What a client wrote itself stands before what the proxy adds.
        assert_eq!(seen("127.0.0.1", &["1.2.3.4, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1, 10.15.0.9"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1", "10.15.0.9"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1, nonsense"]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["10.32.0.1"]), "10.32.0.1");
    }

    #[test]
    fn a_proxy_is_an_address_or_a_range() {
        assert!(
            "10.0.0.0/8"
                .parse::<TrustedProxy>()
                .unwrap()
                .holds(ip("::ffff:10.9.9.9"))
        );
        assert!("fd00::/8".parse::<TrustedProxy>().unwrap().holds(ip("fd12::1")));
        assert!("0.0.0.0/0".parse::<TrustedProxy>().unwrap().holds(ip("8.8.8.8")));
        for wrong in ["proxy.example", "10.0.0.0/33", "10.0.0.0/", "::1/129", ""] {
            assert!(wrong.parse::<TrustedProxy>().is_err(), "{wrong}");
        }
    }
}
