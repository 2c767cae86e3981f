//! Certificates and keys, read from files.

use std::fs;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate with those between it and a root, and its key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

const ENCRYPTED: (&str, &str) =
    ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----END ENCRYPTED PRIVATE KEY-----");

/// Reads a certificate and its key.
///
/// # Errors
/// For the operator's log: which file, and what is wrong with it.
pub(super) fn identity(certificate: &str, key: &str, passphrase: &str) -> Result<Identity, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("cannot read the certificate {certificate}: {what}");
    let text = fs::read(certificate).map_err(|error| wrong(&error))?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| wrong(&error))?;
    if chain.is_empty() {
        return Err(wrong(&"there is none in it"));
    }
    Ok((chain, private_key(key, passphrase)?))
}

fn private_key(path: &str, passphrase: &str) -> Result<PrivateKeyDer<'static>, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("cannot read the private key {path}: {what}");
    let text = fs::read(path).map_err(|error| wrong(&error))?;
    let text = String::from_utf8_lossy(&text);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(wrong(
            &"it is encrypted in a form that is not read here; `openssl pkcs8 -topk8` makes one that is",
        ));
    }
    let Some(begin) = text.find(ENCRYPTED.0) else {
        return PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| wrong(&error));
    };
    if passphrase.is_empty() {
        return Err(wrong(&"it is encrypted, and no passphrase is configured"));
    }
    let end = text.find(ENCRYPTED.1).ok_or_else(|| wrong(&"it does not end"))? + ENCRYPTED.1.len();
    // openssl and others break lines differently, or end them with a carriage return.
    let pem = text.get(begin..end).unwrap_or_default().replace('\r', "") + "\n";
    let (_, document) = pkcs8::SecretDocument::from_pem(&pem).map_err(|error| wrong(&error))?;
    let plain = pkcs8::EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .map_err(|error| wrong(&error))?
        .decrypt(passphrase)
        .map_err(|error| wrong(&error))?;
    Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
}

/// The authorities of a file and of all files of a folder; either may be empty.
///
/// # Errors
/// For the operator's log: the file or folder cannot be read, or holds no certificate.
pub(super) fn authorities(file: &str, folder: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if !file.is_empty() {
        let wrong = |what: &dyn std::fmt::Display| format!("cannot read the CA certificates {file}: {what}");
        if add(&mut roots, Path::new(file)).map_err(|error| wrong(&error))? == 0 {
            return Err(wrong(&"there is none in it"));
        }
    }
    if !folder.is_empty() {
        let wrong = |error: std::io::Error| format!("cannot read the CA certificates of {folder}: {error}");
        for entry in fs::read_dir(folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            if path.is_file() {
                add(&mut roots, &path).map_err(wrong)?;
            }
        }
    }
    Ok(roots)
}

/// Adds what a file has; how many those are. What is no certificate is passed over.
fn add(roots: &mut RootCertStore, path: &Path) -> std::io::Result<usize> {
    let text = fs::read(path)?;
    let found = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok);
    Ok(roots.add_parsable_certificates(found).0)
}
