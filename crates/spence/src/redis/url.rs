//! URLs of the shared tier, read strictly: whatever has no meaning is refused, with a reason that
//! never repeats what may be a password.

/// What a URL may be.
pub(super) const EXPECTED: &str = "expected redis://[user:password@]host[:port][/database], \
    redis+unix://[user:password@]/path, \
    redis+sentinel://[user:password@]host[:port],../master[/database] or \
    redis+cluster://[user:password@]host[:port],..; rediss instead of redis for TLS";

/// A URL in parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) is_tls: bool,
    /// `user:password@`, or nothing.
    pub(super) login: &'a str,
    /// Each with its port, if it has one.
    pub(super) hosts: Vec<&'a str>,
    pub(super) kind: Kind<'a>,
}

/// What is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Server { database: &'a str },
    Socket { path: &'a str },
    Sentinels { master: &'a str, database: &'a str },
    Cluster,
}

impl<'a> Url<'a> {
    /// Reads a URL; if it cannot be, why not.
    pub(super) fn parse(url: &'a str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("there is no `://` in it")?;
        let (security, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let is_tls = match security {
            "redis" => false,
            "rediss" => true,
            _ => return Err("its scheme is another"),
        };
        if rest.contains(['?', '#']) {
            return Err("`?` and `#` have no meaning in it (in a password: %3F and %23)");
        }
        let is_socket = kind == "unix";
        let login_end = match is_socket {
            // In the path it is a character like others.
            true => rest.find('/').and_then(|path| rest.get(..path)?.rfind('@')),
            false => rest.rfind('@'),
        };
        let (login, rest) = rest.split_at(login_end.map_or(0, |at| at + 1));
        check_login(login)?;
        if is_socket {
            let is_path = rest.len() > 1 && rest.starts_with('/');
            return match (is_tls, is_path) {
                (true, _) => Err("a socket has no TLS"),
                (_, false) => Err("the path of the socket is missing (it begins with `/`)"),
                _ => Ok(Self { is_tls, login, hosts: vec![], kind: Kind::Socket { path: rest } }),
            };
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts: Vec<_> = hosts.split(',').collect();
        hosts.iter().try_for_each(|host| check_host(host))?;
        let kind = Kind::parse(kind, path.strip_suffix('/').unwrap_or(path))?;
        if matches!(kind, Kind::Server { .. }) && hosts.len() > 1 {
            return Err("it has several hosts (those are for redis+sentinel and redis+cluster)");
        }
        Ok(Self { is_tls, login, hosts, kind })
    }

    /// Where that is, without the login.
    pub(super) fn place(&self) -> String {
        match self.kind {
            Kind::Socket { path } => path.to_owned(),
            _ => self.hosts.join(","),
        }
    }

    /// One of its hosts as a URL of the library's.
    pub(super) fn server(&self, login: &str, host: &str, database: &str) -> String {
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        format!("{scheme}://{login}{host}/{database}")
    }
}

impl<'a> Kind<'a> {
    /// Of the second half of the scheme, and what follows the hosts.
    fn parse(kind: &str, path: &'a str) -> Result<Self, &'static str> {
        let is_database = |text: &str| text.parse::<u16>().is_ok();
        match kind {
            "" if path.is_empty() => Ok(Self::Server { database: "0" }),
            "" if is_database(path) => Ok(Self::Server { database: path }),
            "" => Err("the database is not a number from 0 to 65535 (in a password: %2F for `/`)"),
            "cluster" if path.is_empty() => Ok(Self::Cluster),
            "cluster" => Err("a cluster has no databases"),
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, "0"));
                match master {
                    "" => Err("the name of the master is missing after the hosts"),
                    _ if is_database(master) => Err("the name of the master is missing"),
                    _ if !is_database(database) => Err("the database is not a number"),
                    _ => Ok(Self::Sentinels { master, database }),
                }
            }
            _ => Err("its scheme is another"),
        }
    }
}

/// `user:password@`, with what has a meaning in a URL written as `%` and two digits.
fn check_login(login: &str) -> Result<(), &'static str> {
    let Some(login) = login.strip_suffix('@') else { return Ok(()) };
    let is_escape = |after: &str| {
        let digits = after.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !login.contains(':') {
        return Err("the login has no `:` (user:password, or :password)");
    }
    if login.contains('/') {
        return Err("`/` in the login (write %2F)");
    }
    if !login.split('%').skip(1).all(is_escape) {
        return Err("`%` in the login without two hexadecimal digits (write %25 for itself)");
    }
    Ok(())
}

/// A name or an address, with or without a port.
fn check_host(host: &str) -> Result<(), &'static str> {
    // An address of IPv6 stands in brackets and has colons itself.
    let name_end = host.find(']').map_or(0, |end| end + 1);
    let (name, port) = match host.get(name_end..).and_then(|end| end.find(':')) {
        Some(colon) => {
            let (name, port) = host.split_at(name_end + colon);
            (name, port.strip_prefix(':'))
        }
        None => (host, None),
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err("a host is missing");
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        Some(_) => Err("a port is not a number from 1 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> &'static str {
        Url::parse(url).expect_err(url)
    }

    #[test]
    fn urls_of_each_kind() {
        let parts = |url| {
            let Url { is_tls, login, hosts, kind } = Url::parse(url).expect(url);
            (is_tls, login, hosts, kind)
        };
        let server = |database| Kind::Server { database };
        assert_eq!(parts("redis://h"), (false, "", vec!["h"], server("0")));
        assert_eq!(parts("rediss://u:p@s@h:1/2/"), (true, "u:p@s@", vec!["h:1"], server("2")));
        assert_eq!(parts("redis://:p%2F@[::1]:6"), (false, ":p%2F@", vec!["[::1]:6"], server("0")));
        let place = |url| Url::parse(url).expect(url).place();
        assert_eq!(place("redis+sentinel://u:secret@a,b:1/main"), "a,b:1");
        assert_eq!(place("redis+unix:///run/r.sock"), "/run/r.sock");
        let socket = Kind::Socket { path: "/run/r.sock" };
        assert_eq!(parts("redis+unix:///run/r.sock"), (false, "", vec![], socket));
        let socket = Kind::Socket { path: "/run/a@b.sock" };
        assert_eq!(parts("redis+unix://u:p@/run/a@b.sock"), (false, "u:p@", vec![], socket));
        let sentinels = Kind::Sentinels { master: "main", database: "3" };
        let hosts = vec!["one", "two:26380", "[::1]:5"];
        assert_eq!(
            parts("redis+sentinel://one,two:26380,[::1]:5/main/3"),
            (false, "", hosts, sentinels)
        );
        assert_eq!(parts("rediss+cluster://a,b:7/"), (true, "", vec!["a", "b:7"], Kind::Cluster));
    }

    #[test]
    fn what_is_wrong_with_others() {
        for (url, why) in [
            ("secret@host", "no `://`"),
            ("http://host", "scheme"),
            ("valkey://host", "scheme"),
            ("redis+ring://host", "scheme"),
            ("redis://host?db=1", "%3F"),
            ("redis://u:p#q@host", "%23"),
            ("redis://u:p/q@host", "%2F"),
            ("redis://u:p%zz@host", "%25"),
            ("redis://secret@host", "user:password"),
            ("redis://", "a host is missing"),
            ("redis://a,,b", "a host is missing"),
            ("redis://a,b", "several hosts"),
            ("redis://host:0", "a port"),
            ("redis://host:99999", "a port"),
            ("redis://user:secret", "a port"),
            ("redis://[::1]:x", "a port"),
            ("redis://host/-1", "database"),
            ("redis://host/0/1", "database"),
            ("redis+cluster://host/1", "no databases"),
            ("redis+sentinel://host", "master"),
            ("redis+sentinel://host/0", "master"),
            ("redis+sentinel://host/main/x", "database"),
            ("redis+unix://", "path"),
            ("redis+unix://x", "path"),
            ("redis+unix://secret@/x", "user:password"),
            ("rediss+unix:///x", "TLS"),
        ] {
            let said = refused(url);
            assert!(said.contains(why) && !said.contains("secret"), "{url}: {said}");
        }
    }
}
