//! A Redis server that speaks TLS, with a certificate of a test's own authority.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::server::{RedisServer, free_port};

/// A Redis server that takes TLS connections to 127.0.0.1, and plain ones beside them.
#[derive(Debug)]
pub struct RedisTls {
    /// The server.
    pub server: RedisServer,
    port: u16,
    ca: String,
}

impl RedisTls {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the server");
        let (ca, certificate, key) = certificates().expect("certificates are made");
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("a certificate is written");
            path.display().to_string()
        };
        let (port, files) =
            (free_port(), [write("cert.pem", &certificate), write("key.pem", &key)]);
        let number = port.to_string();
        let settings = [
            ["--save", ""],
            ["--tls-port", &number],
            ["--tls-cert-file", &files[0]],
            ["--tls-key-file", &files[1]],
            ["--tls-auth-clients", "no"],
        ];
        let server = RedisServer::start_in(dir, Vec::new(), settings.as_flattened());
        Self { server, port, ca }
    }

    /// Where it listens: `rediss://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}", self.port)
    }

    /// The certificate of the authority, PEM.
    #[must_use]
    pub fn ca(&self) -> &str {
        &self.ca
    }
}

/// An authority's certificate, one for 127.0.0.1, and its key.
fn certificates() -> Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let ca = authority.self_signed(&key)?.pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    Ok((ca, own.pem(), key.serialize_pem()))
}
