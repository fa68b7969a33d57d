//! Electronic seals (电子签章): SM2 with SM3 (GB/T 32918.2), the signer's id `1234567812345678`, by
//! keys made on this machine. A signature is over a document's exact bytes; the same key and bytes
//! give the same signature.
//!
//! It knows no certificate authority: a key here proves that this host sealed, not who the office
//! is. It does not render what it seals.

use crate::Error;
use crate::files::{checked_name, create_secret, read_if_there};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sm2::dsa::signature::{Signer, Verifier};
use sm2::dsa::{SigningKey, VerifyingKey};
use sm2::elliptic_curve::Generate;
use sm2::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding,
};
use sm2::{PublicKey, SecretKey};
use std::path::{Path, PathBuf};

/// What [`Signature::algorithm`] says.
const ALGORITHM: &str = "SM2-with-SM3";
/// The signer's id that goes into the hash, by GB/T 35276 the same for everybody.
const SIGNER_ID: &str = "1234567812345678";

/// A folder of keys, one an owner of seals.
#[derive(Debug, Clone)]
pub struct Seals {
    keys: PathBuf,
}

/// A seal on a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// `SM2-with-SM3`.
    pub algorithm: String,
    /// Whose key it is, as this host calls them: told, not proved.
    pub owner: String,
    /// SHA-256 of the document in hex: to find it by. The signature has its own hash.
    pub sha256: String,
    /// DER in base64.
    pub signature: String,
    /// PEM.
    pub public_key: String,
}

/// Why a document is not sealed, or a seal is not good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The owner has no usable name, or the key file cannot be read or written.
    #[error("cannot get at the key of {owner}")]
    Key {
        /// Whose.
        owner: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// The key file is no SM2 key.
    #[error("{path} is not an SM2 key (PKCS#8, PEM): restore it, or move it away for a new one")]
    MalformedKey {
        /// The file.
        path: PathBuf,
    },
    /// No key could be made, or the key cannot sign.
    #[error("cannot {operation} for {owner}")]
    Sign {
        /// What was attempted, in the infinitive.
        operation: &'static str,
        /// Whose seal.
        owner: String,
    },
    /// The seal is not one that this host understands.
    #[error("the seal cannot be read: {what}")]
    Unreadable {
        /// Which part.
        what: &'static str,
    },
    /// The seal is of another document, or the document was changed.
    #[error("the document is not the one that was sealed (its SHA-256 is {found})")]
    OtherDocument {
        /// Of the document at hand.
        found: String,
    },
    /// Somebody else's key.
    #[error("the seal was made with a key that is not {owner}'s")]
    OtherKey {
        /// Who was expected.
        owner: String,
    },
    /// The signature does not belong to the document and the key.
    #[error("the signature is wrong")]
    Wrong,
}

impl Seals {
    /// Keys in `folder`, `<owner>.pem` each, made when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Seals {
        Seals {
            keys: folder.into(),
        }
    }

    /// Seals the document with the owner's key, making one if there is none yet.
    pub fn seal(&self, owner: &str, document: &[u8]) -> Result<Signature, SealError> {
        let cannot = |operation| SealError::Sign {
            operation,
            owner: owner.to_owned(),
        };
        let key = self.key(owner)?;
        let signing = SigningKey::new(SIGNER_ID, &key).map_err(|_| cannot("use the key"))?;
        let signature: sm2::dsa::Signature =
            signing.try_sign(document).map_err(|_| cannot("sign"))?;
        Ok(Signature {
            algorithm: ALGORITHM.to_owned(),
            owner: owner.to_owned(),
            sha256: hex::encode(Sha256::digest(document)),
            signature: BASE64.encode(signature.to_der().as_bytes()),
            public_key: public_pem(&key).ok_or_else(|| cannot("write the public key"))?,
        })
    }

    /// Whether the seal is good and was made with the key that this host holds for the owner.
    pub fn verify(&self, seal: &Signature, document: &[u8]) -> Result<(), SealError> {
        let owner = &seal.owner;
        let held = self.read(owner, &self.path(owner)?)?;
        if held.and_then(|key| public_pem(&key)).as_ref() != Some(&seal.public_key) {
            return Err(SealError::OtherKey {
                owner: owner.clone(),
            });
        }
        verify(seal, document)
    }

    fn path(&self, owner: &str) -> Result<PathBuf, SealError> {
        let name = checked_name(owner).map_err(key_of(owner))?;
        Ok(self.keys.join(format!("{name}.pem")))
    }

    fn key(&self, owner: &str) -> Result<SecretKey, SealError> {
        let path = self.path(owner)?;
        if let Some(key) = self.read(owner, &path)? {
            return Ok(key);
        }
        let cannot = || SealError::Sign {
            operation: "make a key",
            owner: owner.to_owned(),
        };
        let made = SecretKey::try_generate().map_err(|_| cannot())?;
        let pem = made.to_pkcs8_pem(LineEnding::LF).map_err(|_| cannot())?;
        if create_secret(&path, pem.as_bytes()).map_err(key_of(owner))? {
            return Ok(made);
        }
        // Somebody made one in the meantime: that one is the owner's.
        self.read(owner, &path)?.ok_or_else(cannot)
    }

    fn read(&self, owner: &str, path: &Path) -> Result<Option<SecretKey>, SealError> {
        let Some(bytes) = read_if_there(path).map_err(key_of(owner))? else {
            return Ok(None);
        };
        let key = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|pem| SecretKey::from_pkcs8_pem(pem).ok());
        key.map(Some).ok_or_else(|| SealError::MalformedKey {
            path: path.to_owned(),
        })
    }
}

/// Whether the seal is good for the document, by the key in the seal. Whose key that is,
/// [`Seals::verify`] knows.
pub fn verify(seal: &Signature, document: &[u8]) -> Result<(), SealError> {
    let unreadable = |what| SealError::Unreadable { what };
    if seal.algorithm != ALGORITHM {
        return Err(unreadable("its algorithm is unknown"));
    }
    let found = hex::encode(Sha256::digest(document));
    if seal.sha256 != found {
        return Err(SealError::OtherDocument { found });
    }
    let der = BASE64
        .decode(&seal.signature)
        .map_err(|_| unreadable("its signature is not base64"))?;
    let signature =
        sm2::dsa::Signature::from_der(&der).map_err(|_| unreadable("its signature is not DER"))?;
    let key = PublicKey::from_public_key_pem(&seal.public_key)
        .map_err(|_| unreadable("its public key is not an SM2 key in PEM"))?;
    VerifyingKey::new(SIGNER_ID, key)
        .and_then(|key| key.verify(document, &signature))
        .map_err(|_| SealError::Wrong)
}

fn public_pem(key: &SecretKey) -> Option<String> {
    key.public_key().to_public_key_pem(LineEnding::LF).ok()
}

fn key_of(owner: &str) -> impl FnOnce(Error) -> SealError {
    move |source| SealError::Key {
        owner: owner.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    const DOCUMENT: &[u8] = "《退休审批决定》𠮷".as_bytes();

    fn seals() -> (tempfile::TempDir, Seals) {
        let folder = tempfile::tempdir().unwrap();
        let seals = Seals::new(folder.path().join("keys"));
        (folder, seals)
    }

    /// The example of GB/T 32918.5: key, message and signature are the standard's own.
    #[test]
    fn the_standards_own_signature_is_good() {
        let unhex = |text: &str| hex::decode(text).unwrap();
        let point = unhex(
            "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020\
             CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13",
        );
        let raw = unhex(
            "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3\
             B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA",
        );
        let signature = sm2::dsa::Signature::from_slice(&raw).unwrap();
        let message = b"message digest";
        let by = |id| {
            VerifyingKey::from_sec1_bytes(id, &point)
                .unwrap()
                .verify(message, &signature)
        };
        assert!(by(SIGNER_ID).is_ok());
        assert!(by("ABC").is_err());

        let seal = Signature {
            algorithm: ALGORITHM.into(),
            owner: "standard".into(),
            sha256: hex::encode(Sha256::digest(message)),
            signature: BASE64.encode(signature.to_der().as_bytes()),
            public_key: PublicKey::from_sec1_bytes(&point)
                .unwrap()
                .to_public_key_pem(LineEnding::LF)
                .unwrap(),
        };
        verify(&seal, message).unwrap();
    }

    #[test]
    fn a_seal_is_good_for_one_document_and_one_key() {
        let (_folder, seals) = seals();
        let seal = seals.seal("personnel-331102", DOCUMENT).unwrap();
        assert_eq!(
            seals.seal("personnel-331102", DOCUMENT).unwrap(),
            seal,
            "the same again"
        );
        seals.verify(&seal, DOCUMENT).unwrap();
        verify(&seal, DOCUMENT).unwrap();

        let other = seals.seal("fund-331102", DOCUMENT).unwrap();
        assert_ne!(other.public_key, seal.public_key);
        let changed = [DOCUMENT, b" "].concat();
        let sha256 = hex::encode(Sha256::digest(&changed));
        type Check = fn(&SealError) -> bool;
        let with = |change: fn(&mut Signature, &Signature)| {
            let mut forged = seal.clone();
            change(&mut forged, &other);
            forged
        };
        let cases: [(Signature, &[u8], Check); 7] = [
            (seal.clone(), &changed, |e| {
                matches!(e, SealError::OtherDocument { .. })
            }),
            (
                Signature {
                    sha256,
                    ..seal.clone()
                },
                &changed,
                |e| matches!(e, SealError::Wrong),
            ),
            (
                with(|f, o| f.public_key.clone_from(&o.public_key)),
                DOCUMENT,
                |e| matches!(e, SealError::OtherKey { .. }),
            ),
            (with(|f, o| f.owner.clone_from(&o.owner)), DOCUMENT, |e| {
                matches!(e, SealError::OtherKey { .. })
            }),
            (with(|f, _| f.owner = "nobody".into()), DOCUMENT, |e| {
                matches!(e, SealError::OtherKey { .. })
            }),
            (
                with(|f, o| f.signature.clone_from(&o.signature)),
                DOCUMENT,
                |e| matches!(e, SealError::Wrong),
            ),
            (with(|f, _| f.signature = "!".into()), DOCUMENT, |e| {
                matches!(e, SealError::Unreadable { .. })
            }),
        ];
        for (n, (seal, document, expected)) in cases.iter().enumerate() {
            let error = seals.verify(seal, document).unwrap_err();
            assert!(expected(&error), "case {n}: {error:?}");
        }
    }

    #[test]
    fn keys_are_made_once_and_kept_secret() {
        let (folder, seals) = seals();
        let made: Vec<String> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        seals
                            .seal("unit-12331100MB0000001X", b"x")
                            .unwrap()
                            .public_key
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap())
                .collect()
        });
        assert!(
            made.iter().all(|key| *key == made[0]),
            "every worker has the one key"
        );
        let path = folder.path().join("keys/unit-12331100MB0000001X.pem");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );

        fs::write(&path, "not a key").unwrap();
        let malformed = seals.seal("unit-12331100MB0000001X", b"x").unwrap_err();
        assert!(matches!(malformed, SealError::MalformedKey { .. }));
        for owner in ["", "../x", "a/b", "单位"] {
            let error = seals.seal(owner, b"x").unwrap_err();
            assert!(
                matches!(error, SealError::Key { .. }),
                "{owner:?}: {error:?}"
            );
        }
    }

    #[test]
    fn openssl_agrees() {
        if Command::new("openssl").arg("version").output().is_err() {
            #[expect(clippy::print_stderr, reason = "a skipped judge must be seen")]
            {
                eprintln!("skipped: openssl is not installed");
            }
            return;
        }
        let (folder, seals) = seals();
        let seal = seals.seal("personnel-331102", DOCUMENT).unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let key = file("pub.pem", seal.public_key.as_bytes());
        let signature = file("sig.der", &BASE64.decode(&seal.signature).unwrap());
        let judge = |document: &Path| {
            let mut openssl = Command::new("openssl");
            openssl.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-digest", "sm3"]);
            openssl.args(["-pkeyopt", &format!("distid:{SIGNER_ID}")]);
            openssl
                .arg("-inkey")
                .arg(&key)
                .arg("-sigfile")
                .arg(&signature);
            openssl.arg("-in").arg(document).output().unwrap()
        };
        let good = judge(&file("document", DOCUMENT));
        assert!(good.status.success(), "{good:?}");
        assert!(!judge(&file("changed", b"changed")).status.success());
    }
}
