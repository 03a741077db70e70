//! A certificate authority that lives as long as a test, and what it signs.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

/// Who signs.
pub struct Authority {
    name: X509Name,
    key: PKey<Private>,
    certificate: X509,
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate.
    pub certificate: X509,
    /// Its key.
    pub key: PKey<Private>,
}

impl Authority {
    /// A new one, signed by itself.
    ///
    /// # Panics
    ///
    /// When OpenSSL refuses.
    pub fn new(name: &str) -> Self {
        let (key, name) = (new_key(), subject(name));
        let mut builder = begun(&name, &name, &key);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let usage = KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { name, key, certificate: builder.build() }
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    /// A server that is reached at these addresses and as `localhost`.
    pub fn server(&self, addresses: &[Ipv4Addr]) -> Identity {
        self.sign("server", addresses, ExtendedKeyUsage::new().server_auth())
    }

    /// Somebody who may come in.
    pub fn client(&self) -> Identity {
        self.sign("client", &[], ExtendedKeyUsage::new().client_auth())
    }

    fn sign(&self, name: &str, addresses: &[Ipv4Addr], usage: &ExtendedKeyUsage) -> Identity {
        let key = new_key();
        let mut builder = begun(&subject(name), &self.name, &key);
        builder.append_extension(usage.build().unwrap()).unwrap();
        if !addresses.is_empty() {
            let mut names = SubjectAlternativeName::new();
            names.dns("localhost");
            for address in addresses {
                names.ip(&address.to_string());
            }
            let names = names.build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
            builder.append_extension(names).unwrap();
        }
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        Identity { certificate: builder.build(), key }
    }
}

impl Identity {
    /// Writes both as PEM.
    ///
    /// # Panics
    ///
    /// When a file cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) {
        fs::write(certificate, self.certificate.to_pem().unwrap()).unwrap();
        fs::write(key, self.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    }
}

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn subject(name: &str) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    builder.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    builder.build()
}

fn begun(subject: &X509Name, issuer: &X509Name, key: &PKey<Private>) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(126, MsbOption::ONE, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
}
