//! Keys and what is closed with them. Nothing personal lies open in the database: it is encrypted
//! under a data key, one a case, a subject's offers or a material; data keys lie in the database
//! wrapped with a master key, which never does.
//!
//! National algorithms (GB/T 39786): SM4 (GB/T 32907) in GCM, SM3 (GB/T 32905) and HMAC over it.
//! To rotate the master key is to wrap the data keys anew. To erase is to destroy a data key:
//! hashes are taken of what is closed, so whatever was checked before can be checked after.
//!
//! It knows no SQL: who asks brings the wrapped key and takes it away again.

mod masters;

pub use masters::{Masters, VaultError};

use crate::Error;
use aes_gcm::aead::{Aead, Payload};
use hmac::{Hmac, KeyInit as _, Mac};
use sm3::{Digest, Sm3};
use sm4::Sm4;
use std::fmt;
use zeroize::Zeroizing;

/// SM4-GCM with the usual nonce of 96 bits and tag of 128.
type Sm4Gcm = aes_gcm::AesGcm<Sm4, aes_gcm::aead::consts::U12>;

/// Of an SM4 key.
const KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
/// Of an SM3 hash.
pub(crate) const HASH_BYTES: usize = 32;

/// An SM3 hash, or an HMAC with it.
pub(crate) type Hash = [u8; HASH_BYTES];

/// What comes before the first event.
pub(crate) const NO_HASH: Hash = [0; HASH_BYTES];

/// A key of the scope that it was made for; gone from memory when it is dropped.
#[derive(Clone)]
pub(crate) struct DataKey {
    cipher: Box<Sm4Gcm>,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// A data key as it lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrapped {
    /// The master key that opens it.
    pub(crate) master: String,
    /// The key, closed.
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    /// A new one.
    pub(crate) fn generate() -> Result<DataKey, Error> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random(&mut *bytes)?;
        Ok(DataKey::of(bytes))
    }

    fn of(bytes: Zeroizing<[u8; KEY_BYTES]>) -> DataKey {
        DataKey {
            cipher: Box::new(<Sm4Gcm as aes_gcm::KeyInit>::new(&(*bytes).into())),
            bytes,
        }
    }

    /// Closes something for one place, `event/331102-2025-000001/7`: it cannot be opened in another.
    /// Before, it is made small: most of it is JSON, and the cipher costs more than that.
    pub(crate) fn close(&self, place: &str, open: &[u8]) -> Result<Vec<u8>, Error> {
        let open = &*pack(open);
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        let payload = Payload {
            msg: open,
            aad: place.as_bytes(),
        };
        let closed = self.cipher.encrypt(&nonce.into(), payload);
        let closed = closed.map_err(|_| Error::Vault(VaultError::TooLong))?;
        Ok([&nonce[..], &closed].concat())
    }

    /// Opens what was closed for that place under this key.
    pub(crate) fn open(&self, place: &str, closed: &[u8]) -> Result<Vec<u8>, Error> {
        self.open_or_none(place, closed)
            .ok_or_else(|| Error::Damaged {
                what: place.to_owned(),
            })
    }

    fn open_or_none(&self, place: &str, closed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, closed) = closed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: closed,
            aad: place.as_bytes(),
        };
        unpack(self.cipher.decrypt(&(*nonce).into(), payload).ok()?)
    }

    /// A keyed hash: of an identifier, to find it by without having it; of a hash, to know it again.
    /// `purpose` keeps those of one use from being taken for those of another.
    pub(crate) fn mac(&self, purpose: &str, bytes: &[u8]) -> Hash {
        // Of any length: HMAC hashes what is longer than a block and fills up what is shorter.
        let Ok(mut mac) = Hmac::<Sm3>::new_from_slice(&*self.bytes) else {
            return [0; HASH_BYTES];
        };
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

/// What follows the first byte is as it was, or LZ4 with its length before it.
const AS_IT_WAS: u8 = 0;
const LZ4: u8 = 1;
/// What is shorter does not get smaller.
const PACKED_BYTES_MIN: usize = 64;

fn pack(open: &[u8]) -> Zeroizing<Vec<u8>> {
    if open.len() >= PACKED_BYTES_MIN {
        let small = lz4_flex::compress_prepend_size(open);
        if small.len() < open.len() {
            return Zeroizing::new([&[LZ4], &small[..]].concat());
        }
    }
    Zeroizing::new([&[AS_IT_WAS], open].concat())
}

/// `None` for what was not packed here.
fn unpack(mut packed: Vec<u8>) -> Option<Vec<u8>> {
    match *packed.first()? {
        AS_IT_WAS => {
            packed.remove(0);
            Some(packed)
        }
        LZ4 => lz4_flex::decompress_size_prepended(&packed[1..]).ok(),
        _ => None,
    }
}

/// An event as it lies in the database, as a link of its case's chain.
pub(crate) struct Link<'a> {
    pub(crate) case_id: &'a str,
    pub(crate) n: u64,
    pub(crate) at: &'a str,
    /// Of the body before it was closed.
    pub(crate) format: u32,
    pub(crate) closed: &'a [u8],
}

impl Link<'_> {
    /// Its hash, behind that of the event before; the first comes behind [`NO_HASH`].
    pub(crate) fn behind(&self, previous: &Hash) -> Hash {
        let mut hash = Sm3::new();
        hash.update(previous);
        for part in [
            self.case_id.as_bytes(),
            &self.n.to_be_bytes(),
            self.at.as_bytes(),
            &self.format.to_be_bytes(),
            self.closed,
        ] {
            // With its length: where one part ends and the next begins is hashed too.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

fn random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|source| Error::Vault(VaultError::Random(source)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn key(hex: &str) -> DataKey {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(hex, &mut *bytes).unwrap();
        DataKey::of(bytes)
    }

    /// RFC 8998, appendix A.1.
    #[test]
    fn sm4_gcm_is_the_standards() {
        let key = key("0123456789abcdeffedcba9876543210");
        let nonce: [u8; NONCE_BYTES] = hex::decode("00001234567800000000abcd")
            .unwrap()
            .try_into()
            .unwrap();
        let payload = Payload {
            msg: &hex::decode(concat!(
                "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd",
                "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
            ))
            .unwrap(),
            aad: &hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap(),
        };
        let closed = key.cipher.encrypt(&nonce.into(), payload).unwrap();
        let expected = concat!(
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735",
            "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d",
            "83de3541e4c2b58177e065a9bf7b62ec"
        );
        assert_eq!(hex::encode(closed), expected);
    }

    #[test]
    fn what_is_closed_opens_in_its_place_and_nowhere_else() {
        let (one, other) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
        // What a cipher gave does not get smaller.
        let noise = one.close("x", &[0; PACKED_BYTES_MIN]).unwrap();
        for open in [&b""[..], "姓名：𠮷".as_bytes(), &[7; 100_000], &noise] {
            let closed = one.close("event/c/1", open).unwrap();
            assert_eq!(one.open("event/c/1", &closed).unwrap(), open);
            assert!(one.open("event/c/2", &closed).is_err());
            assert!(other.open("event/c/1", &closed).is_err());
            for (place, bit) in [(0, 1), (NONCE_BYTES, 0x80), (closed.len() - 1, 1)] {
                let mut changed = closed.clone();
                changed[place] ^= bit;
                assert!(one.open("event/c/1", &changed).is_err(), "byte {place}");
            }
            assert!(one.open("event/c/1", &closed[..closed.len() - 1]).is_err());
            assert!(one.open("event/c/1", &[]).is_err());
            assert_ne!(one.close("event/c/1", open).unwrap(), closed);
        }
    }

    #[test]
    fn a_chain_depends_on_every_part() {
        let link = |case_id, n, at, format, closed| Link {
            case_id,
            n,
            at,
            format,
            closed,
        };
        let first = link("c", 1, "at", 1, b"body").behind(&NO_HASH);
        for other in [
            link("c", 1, "at", 1, b"body").behind(&first),
            link("d", 1, "at", 1, b"body").behind(&NO_HASH),
            link("c", 2, "at", 1, b"body").behind(&NO_HASH),
            link("c", 1, "at", 2, b"body").behind(&NO_HASH),
            link("c", 1, "atb", 1, b"ody").behind(&NO_HASH),
            link("c", 1, "at", 1, b"bodz").behind(&NO_HASH),
        ] {
            assert_ne!(first, other);
        }
        assert_eq!(first, link("c", 1, "at", 1, b"body").behind(&NO_HASH));
    }

    #[test]
    fn openssl_makes_the_same_mac() {
        let hex = "0123456789abcdeffedcba9876543210";
        let mut openssl = Command::new("openssl")
            .args(["dgst", "-sm3", "-mac", "HMAC", "-macopt"])
            .arg(format!("hexkey:{hex}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl, from Debian's package of that name");
        let mut stdin = openssl.stdin.take().unwrap();
        stdin.write_all(b"subject\x00330106196501011234").unwrap();
        drop(stdin);
        let said = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
        let mac = hex::encode(key(hex).mac("subject", b"330106196501011234"));
        assert!(said.trim().ends_with(&mac), "{said} {mac}");
    }
}
