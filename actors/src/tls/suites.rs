//! Versions and suites as the configuration names them: in OpenSSL's words, which Redis's options are in.

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion};

/// A suite of TLS 1.2: its name in OpenSSL, and the words that choose it.
struct Old {
    suite: CipherSuite,
    name: &'static str,
    words: &'static [&'static str],
}

/// Words that choose every suite of TLS 1.2 here.
const ALL_OLD: &[&str] = &["ALL", "DEFAULT", "HIGH", "TLSv1.2", "ECDHE", "EECDH", "kECDHE", "kEECDH", "FIPS"];

const OLD: &[Old] = &[
    Old {
        suite: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        name: "ECDHE-ECDSA-AES256-GCM-SHA384",
        words: &["aECDSA", "ECDSA", "AES", "AESGCM", "AES256", "SHA384"],
    },
    Old {
        suite: CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        name: "ECDHE-RSA-AES256-GCM-SHA384",
        words: &["aRSA", "RSA", "AES", "AESGCM", "AES256", "SHA384"],
    },
    Old {
        suite: CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        name: "ECDHE-ECDSA-CHACHA20-POLY1305",
        words: &["aECDSA", "ECDSA", "CHACHA20", "SHA256"],
    },
    Old {
        suite: CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        name: "ECDHE-RSA-CHACHA20-POLY1305",
        words: &["aRSA", "RSA", "CHACHA20", "SHA256"],
    },
    Old {
        suite: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        name: "ECDHE-ECDSA-AES128-GCM-SHA256",
        words: &["aECDSA", "ECDSA", "AES", "AESGCM", "AES128", "SHA256"],
    },
    Old {
        suite: CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        name: "ECDHE-RSA-AES128-GCM-SHA256",
        words: &["aRSA", "RSA", "AES", "AESGCM", "AES128", "SHA256"],
    },
];

const NEW: &[(CipherSuite, &str)] = &[
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
];

/// The versions of `tls-protocols`.
///
/// # Errors
/// It names an unknown version, or none that is spoken here.
pub(super) fn versions(text: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let mut versions = Vec::new();
    for word in text.split_ascii_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.3" => versions.push(&rustls::version::TLS13),
            "tlsv1.2" => versions.push(&rustls::version::TLS12),
            "tlsv1" | "tlsv1.1" => {}
            _ => {
                return Err(format!(
                    "tls-protocols: '{word}' is none of 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'"
                ));
            }
        }
    }
    match (versions.is_empty(), text.trim().is_empty()) {
        (true, true) => Ok(vec![&rustls::version::TLS13, &rustls::version::TLS12]),
        (true, false) => Err("tls-protocols: only TLSv1.2 and TLSv1.3 are spoken here".into()),
        (false, _) => Ok(versions),
    }
}

/// A provider with the suites of `tls-ciphers` (TLS 1.2) and `tls-ciphersuites` (TLS 1.3), in their order.
///
/// # Errors
/// An option that is not empty chooses none of the suites that there are, or names an unknown one of TLS 1.3.
pub(super) fn provider(ciphers: &str, ciphersuites: &str) -> Result<CryptoProvider, String> {
    let mut provider = rustls::crypto::ring::default_provider();
    let mut chosen = new_suites(ciphersuites)?;
    chosen.extend(old_suites(ciphers)?);
    let find = |suite: CipherSuite| provider.cipher_suites.iter().copied().find(|have| have.suite() == suite);
    let suites: Vec<SupportedCipherSuite> = chosen.into_iter().filter_map(find).collect();
    provider.cipher_suites = suites;
    Ok(provider)
}

/// Whether a provider has a suite of one of these versions.
pub(super) fn fits(provider: &CryptoProvider, version: &SupportedProtocolVersion) -> bool {
    let has = |wanted: ProtocolVersion| {
        provider.cipher_suites.iter().any(|suite| suite.version().version == wanted)
    };
    has(version.version)
}

fn new_suites(text: &str) -> Result<Vec<CipherSuite>, String> {
    let words: Vec<&str> = text.split(':').map(str::trim).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Ok(NEW.iter().map(|(suite, _)| *suite).collect());
    }
    let find = |word: &&str| {
        let found = NEW.iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
        found.map(|(suite, _)| *suite).ok_or_else(|| format!("tls-ciphersuites: there is no '{word}' here"))
    };
    words.iter().map(find).collect()
}

/// Whether a word, or several with `+` that must all hold, chooses a suite.
fn chooses(word: &str, suite: &Old) -> bool {
    let one = |word: &str| suite.name == word || suite.words.contains(&word) || ALL_OLD.contains(&word);
    word.split('+').all(one)
}

/// OpenSSL's cipher list: `a` adds, `-a` takes out, `!a` for good, `+a` moves to the end. What it does not know it
/// ignores.
fn old_suites(text: &str) -> Result<Vec<CipherSuite>, String> {
    let text = if text.trim().is_empty() { "ALL" } else { text };
    let mut chosen: Vec<&Old> = Vec::new();
    let mut never: Vec<&str> = Vec::new();
    for word in text.split([':', ',', ' ', ';']).filter(|word| !word.is_empty()) {
        let is_chosen = |suite: &&Old| chosen.iter().any(|one| one.name == suite.name);
        if let Some(word) = word.strip_prefix('!') {
            chosen.retain(|suite| !chooses(word, suite));
            never.push(word);
        } else if let Some(word) = word.strip_prefix('-') {
            chosen.retain(|suite| !chooses(word, suite));
        } else if let Some(word) = word.strip_prefix('+') {
            let (last, first) = chosen.into_iter().partition::<Vec<_>, _>(|suite| chooses(word, suite));
            chosen = [first, last].concat();
        } else {
            let wanted = |suite: &&Old| {
                chooses(word, suite) && !is_chosen(suite) && !never.iter().any(|word| chooses(word, suite))
            };
            let more: Vec<&Old> = OLD.iter().filter(wanted).collect();
            chosen.extend(more);
        }
    }
    if chosen.is_empty() {
        return Err("tls-ciphers: none of the suites that there are is chosen".into());
    }
    Ok(chosen.iter().map(|suite| suite.suite).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<&'static str> {
        let suites = old_suites(text).unwrap_or_default();
        let name = |suite: &CipherSuite| OLD.iter().find(|one| one.suite == *suite).map(|one| one.name);
        suites.iter().filter_map(name).collect()
    }

    #[test]
    fn cipher_lists_are_read_as_openssl_reads_them() {
        assert_eq!(names("").len(), 6);
        assert_eq!(names("DEFAULT:-AES128-SHA256").len(), 6);
        assert_eq!(names("ECDHE-RSA-AES128-GCM-SHA256"), ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(
            names("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"),
            ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(names("aRSA+CHACHA20"), ["ECDHE-RSA-CHACHA20-POLY1305"]);
        assert_eq!(names("ALL:!AES:ECDHE+AESGCM:-ECDSA"), ["ECDHE-RSA-CHACHA20-POLY1305"]);
        assert_eq!(
            names("aRSA:-AES:AES256+aRSA:+CHACHA20"),
            ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]
        );
        assert!(old_suites("AES128-SHA256").is_err());
        assert!(new_suites("TLS_AES_128_CCM_SHA256").is_err());
        assert_eq!(new_suites("TLS_AES_128_GCM_SHA256"), Ok(vec![CipherSuite::TLS13_AES_128_GCM_SHA256]));
    }

    #[test]
    fn old_versions_are_known_and_not_spoken() {
        let count = |text| versions(text).map(|versions| versions.len()).map_err(|_| ());
        assert_eq!(count(""), Ok(2));
        assert_eq!(count("tlsv1.2 TLSv1.1"), Ok(1));
        assert_eq!(count("TLSv1"), Err(()));
        assert_eq!(count("SSLv3"), Err(()));
    }
}
