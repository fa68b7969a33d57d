//! Where load may go: to this machine, unless somebody says that it may go further.

use anyhow::{Context, bail, ensure};
use hyper::Uri;
use std::net::{SocketAddr, ToSocketAddrs};

/// An address that load may be sent to.
#[derive(Debug, Clone)]
pub struct Target {
    /// `http://127.0.0.1:8080/base`, by the number that was checked, without a slash at the end.
    pub base: String,
    /// As it was named, for the header `Host`.
    pub authority: String,
}

impl Target {
    /// Takes an address of this machine; any other only where `beyond_loopback` says so.
    pub fn new(url: &str, beyond_loopback: bool) -> anyhow::Result<Self> {
        let uri: Uri = url
            .parse()
            .with_context(|| format!("`{url}` is no URL; give http://127.0.0.1:8080"))?;
        ensure!(
            uri.scheme_str() == Some("http"),
            "`{url}` does not start with http://; load goes over plain HTTP"
        );
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        ensure!(
            !authority.contains('@') && uri.query().is_none(),
            "`{url}` has more than a host, a port and a path"
        );
        let host = uri.host().unwrap_or_default();
        let port: u16 = match authority.strip_prefix(host).unwrap_or_default() {
            "" => 80,
            port => {
                let number = port.strip_prefix(':').and_then(|port| port.parse().ok());
                number.with_context(|| format!("`{url}` has no port from 0 to 65535"))?
            }
        };
        let host = host.trim_matches(['[', ']']);
        let addresses: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .with_context(|| format!("`{host}` has no address"))?
            .collect();
        let Some(address) = addresses.first() else {
            bail!("`{host}` has no address");
        };
        let is_here = addresses.iter().all(|address| address.ip().is_loopback());
        ensure!(
            is_here || beyond_loopback,
            "`{url}` is not this machine, and load goes to loopback addresses only; where the host is yours and may be loaded, add --beyond-loopback"
        );
        Ok(Self {
            base: format!("http://{address}{}", uri.path().trim_end_matches('/')),
            authority: authority.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn only_this_machine_is_loaded() {
        for (url, base) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://127.9.9.9/a/b/", "http://127.9.9.9:80/a/b"),
            ("http://[::1]:3000/x", "http://[::1]:3000/x"),
        ] {
            assert_eq!(Target::new(url, false).unwrap().base, base, "{url}");
        }
        for (url, says) in [
            ("http://192.0.2.7:8080", "--beyond-loopback"),
            ("http://0.0.0.0:8080", "--beyond-loopback"),
            ("http://[2001:db8::1]/", "--beyond-loopback"),
            ("https://127.0.0.1:8080", "plain HTTP"),
            ("127.0.0.1:8080", "plain HTTP"),
            ("http://a@127.0.0.1", "more than"),
            ("http://127.0.0.1/?a=b", "more than"),
            ("http://127.0.0.1:99999", "no port"),
            ("", "no URL"),
            ("不是地址", "no URL"),
        ] {
            let told = format!("{:#}", Target::new(url, false).unwrap_err());
            assert!(told.contains(says), "{url}: {told}");
        }
        let far = Target::new("http://192.0.2.7:8080", true).unwrap();
        assert_eq!(far.base, "http://192.0.2.7:8080");
    }
}
