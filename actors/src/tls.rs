//! TLS, by rustls: what the configuration says, put to use for clients, for slaves and their master, and for MIGRATE.
//!
//! | file | what |
//! |------|------|
//! | [`session`] | an encrypted connection over a socket: what is read and written without waiting |
//! | `files` | certificates, keys and authorities in PEM |
//! | `suites` | versions and suites in OpenSSL's words |
//! | `verify` | how a master's certificate is believed |
//!
//! All files are read when an option of TLS is set, at the start and by CONFIG SET: no connection waits for a disk, and
//! a renewed certificate is used by the connections that come afterwards.

use std::sync::{Arc, Mutex, OnceLock};

use pika_core::config::choice::TlsAuthClients;
use pika_core::config::{Config, Id, SetError, options};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::state::{State, lock};

mod files;
pub mod session;
mod suites;
mod verify;

/// How many sessions are kept if `tls-session-cache-size` is 0.
const SESSIONS: usize = 20_480;

/// What CONFIG SET answers when the files or words of the options cannot be used; the log says why.
const REFUSED: &str = "Unable to update TLS configuration. Check server logs.";

/// What is in force: nothing while TLS is not used.
#[derive(Debug, Default)]
pub struct Tls {
    contexts: Mutex<Option<Arc<Contexts>>>,
}

impl Tls {
    /// What is in force.
    pub fn contexts(&self) -> Option<Arc<Contexts>> {
        lock(&self.contexts).clone()
    }

    /// Puts something else in force for connections to come, and returns what was.
    pub fn replace(&self, contexts: Option<Arc<Contexts>>) -> Option<Arc<Contexts>> {
        std::mem::replace(&mut *lock(&self.contexts), contexts)
    }
}

/// All that the options say, read and checked.
#[derive(Debug)]
pub struct Contexts {
    provider: Arc<CryptoProvider>,
    versions: Vec<&'static SupportedProtocolVersion>,
    identity: files::Identity,
    roots: Arc<RootCertStore>,
    prefer_server: bool,
    /// How many sessions are kept; `None` for none.
    sessions: Option<usize>,
    /// For clients that are not asked for a certificate, that must show one, that may. Apart, since a session of one
    /// kind may not go on as one of another.
    servers: [OnceLock<Result<Arc<ServerConfig>, String>>; 3],
    client: Result<Arc<ClientConfig>, String>,
}

impl Contexts {
    /// What a configuration says; `None` if it has no use for TLS.
    ///
    /// # Errors
    /// For the operator: what is missing, or cannot be read.
    pub fn of(config: &Config) -> Result<Option<Arc<Contexts>>, String> {
        let outgoing = config.get(options::TLS_REPLICATION) || config.get(options::TLS_CLUSTER);
        if config.get(options::TLS_PORT) == 0 && !outgoing {
            return Ok(None);
        }
        let certificate = config.get(options::TLS_CERT_FILE);
        let key = config.get(options::TLS_KEY_FILE);
        let file = config.get(options::TLS_CA_CERT_FILE);
        let folder = config.get(options::TLS_CA_CERT_DIR);
        let authenticates = config.get(options::TLS_AUTH_CLIENTS);
        if certificate.is_empty() {
            return Err("no tls-cert-file is configured".into());
        }
        if key.is_empty() {
            return Err("no tls-key-file is configured".into());
        }
        if (authenticates != TlsAuthClients::No || outgoing) && file.is_empty() && folder.is_empty() {
            return Err("tls-auth-clients, tls-replication and tls-cluster need tls-ca-cert-file or \
                 tls-ca-cert-dir"
                .into());
        }
        let versions = suites::versions(config.get(options::TLS_PROTOCOLS))?;
        let provider =
            suites::provider(config.get(options::TLS_CIPHERS), config.get(options::TLS_CIPHERSUITES))?;
        if let Some(version) = versions.iter().find(|version| !suites::fits(&provider, version)) {
            return Err(format!("there is no suite for {:?}", version.version));
        }
        let identity = files::identity(certificate, key, config.get(options::TLS_KEY_FILE_PASS))?;
        let roots = Arc::new(files::authorities(file, folder)?);
        let provider = Arc::new(provider);
        let own = config.get(options::TLS_CLIENT_CERT_FILE);
        let shown = if own.is_empty() {
            (identity.0.clone(), identity.1.clone_key())
        } else {
            let passphrase = config.get(options::TLS_CLIENT_KEY_FILE_PASS);
            files::identity(own, config.get(options::TLS_CLIENT_KEY_FILE), passphrase)?
        };
        let client = client(&provider, &versions, &roots, shown);
        if outgoing && let Err(reason) = &client {
            return Err(reason.clone());
        }
        let size = config.get(options::TLS_SESSION_CACHE_SIZE) as usize;
        let contexts = Contexts {
            provider,
            versions,
            identity,
            roots,
            prefer_server: config.get(options::TLS_PREFER_SERVER_CIPHERS),
            sessions: config.get(options::TLS_SESSION_CACHING).then_some(if size == 0 {
                SESSIONS
            } else {
                size
            }),
            servers: Default::default(),
            client,
        };
        contexts.server(authenticates)?;
        Ok(Some(Arc::new(contexts)))
    }

    /// For a client that connects.
    ///
    /// # Errors
    /// For the operator: clients cannot be asked for certificates if no authority is believed.
    pub fn server(&self, authenticates: TlsAuthClients) -> Result<Arc<ServerConfig>, String> {
        let made = &self.servers[authenticates as usize];
        made.get_or_init(|| self.make_server(authenticates).map(Arc::new)).clone()
    }

    /// For a connection to another server.
    ///
    /// # Errors
    /// For the operator: no authority is believed.
    pub fn client(&self) -> Result<Arc<ClientConfig>, String> {
        self.client.clone()
    }

    fn make_server(&self, authenticates: TlsAuthClients) -> Result<ServerConfig, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&self.versions)
            .map_err(|error| text(&error))?;
        let builder = if authenticates == TlsAuthClients::No {
            builder.with_no_client_auth()
        } else {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(self.roots.clone(), self.provider.clone());
            let verifier = match authenticates {
                TlsAuthClients::Optional => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| text(&error))?)
        };
        let (chain, key) = (self.identity.0.clone(), self.identity.1.clone_key());
        let mut config = builder.with_single_cert(chain, key).map_err(|error| text(&error))?;
        config.ignore_client_order = self.prefer_server;
        match self.sessions {
            Some(size) => config.session_storage = ServerSessionMemoryCache::new(size),
            None => {
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
            }
        }
        Ok(config)
    }
}

fn client(
    provider: &Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    roots: &Arc<RootCertStore>,
    (chain, key): files::Identity,
) -> Result<Arc<ClientConfig>, String> {
    if roots.is_empty() {
        return Err("there is no authority to believe another server by".into());
    }
    let algorithms = provider.signature_verification_algorithms;
    let verifier = verify::BySigner { roots: roots.clone(), algorithms };
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain, key)
        .map_err(|error| error.to_string())?;
    // A link is made seldom; it shows that both sides still believe each other.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Whether an option is one of those that [`Contexts::of`] reads, and CONFIG SET of it reads the files again.
/// `tls-auth-clients` is looked at by each connection instead, as in Redis.
fn concerns(id: Id) -> bool {
    id.row().name.starts_with("tls-") && !id.is(options::TLS_AUTH_CLIENTS)
}

/// Puts a new configuration to use, if it changes anything here: what was in force before, to be put back should
/// something else of the configuration fail.
///
/// # Errors
/// In Redis's words; then nothing has changed.
pub fn change(
    state: &State,
    config: &Config,
    changed: &[Id],
) -> Result<Option<Option<Arc<Contexts>>>, SetError> {
    let Some(id) = changed.iter().copied().find(|id| concerns(*id)) else { return Ok(None) };
    match Contexts::of(config) {
        Ok(contexts) => {
            state.links.clear();
            Ok(Some(state.tls.replace(contexts)))
        }
        Err(reason) => {
            slog::warn!(state.logger, "the TLS configuration stays as it was"; "reason" => reason);
            Err(SetError::Failed { name: id.row().name.to_string(), reason: REFUSED.into() })
        }
    }
}
