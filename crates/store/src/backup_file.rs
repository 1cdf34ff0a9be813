//! The file a backup is: a head in the clear, then the content in pieces, each sealed.
//!
//! ```text
//! rmmbridge backup 1⏎
//! {"schema":3,"key":"2f…","salt":"…",…}⏎      what must be known before it can be opened
//! ┌ last? 1 byte │ length 4 bytes │ piece ┐   XChaCha20-Poly1305 under a key of this file's own
//! ```
//!
//! The key is derived from the master key and a random salt; the nonce is the piece's number and whether it is the
//! last; the head is authenticated with each piece. So no piece can be changed, left out, moved, or cut off the end.
//! Together the pieces are one gzip stream. Without a key (`--unencrypted`) the pieces stand in the clear and only the
//! digests of the content tell damage.

use crate::vault::MasterKey;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use model::Random;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::path::Path;

/// The first line; the number is the format's version.
const MAGIC: &[u8] = b"rmmbridge backup 1\n";
/// Bytes of a piece before it is sealed.
const PIECE: usize = 64 * 1024;
/// What sealing adds to a piece.
const TAG: usize = 16;
/// More than any head has.
const HEAD: u64 = 64 * 1024;

/// What stands in the clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The newest migration of the database.
    pub schema: i64,
    /// The version of the program that wrote it.
    pub program: String,
    /// When, in microseconds since 1970.
    pub created: i64,
    /// Id of the hub, when the schema knew it.
    pub instance: Option<String>,
    /// Id of the master key the content is sealed with; `None` when it is not.
    pub key: Option<String>,
    /// Ids of the master keys that wrap the secrets inside.
    pub secrets: Vec<String>,
    /// What makes the key this file's own: hexadecimal.
    pub salt: String,
}

/// Seals and counts pieces.
struct Seal {
    cipher: Option<XChaCha20Poly1305>,
    head: Vec<u8>,
    number: u64,
}

impl Seal {
    fn new(head: &Head, line: &[u8], key: Option<&MasterKey>) -> Self {
        let cipher = key.map(|key| {
            let derived = key.derive("backup", head.salt.as_bytes());
            XChaCha20Poly1305::new(&Key::from(*derived))
        });
        Self {
            cipher,
            head: line.to_vec(),
            number: 0,
        }
    }

    fn nonce(&mut self, last: bool) -> XNonce {
        let mut nonce = [0_u8; 24];
        nonce[..8].copy_from_slice(&self.number.to_be_bytes());
        nonce[8] = u8::from(last);
        self.number += 1;
        XNonce::from(nonce)
    }

    fn seal(&mut self, piece: &[u8], last: bool) -> Result<Vec<u8>> {
        let nonce = self.nonce(last);
        let payload = Payload {
            msg: piece,
            aad: &self.head,
        };
        match &self.cipher {
            Some(cipher) => cipher
                .encrypt(&nonce, payload)
                .map_err(|_| Error::other("a piece could not be sealed")),
            None => Ok(piece.to_vec()),
        }
    }

    fn open(&mut self, piece: Vec<u8>, last: bool) -> Result<Vec<u8>> {
        let nonce = self.nonce(last);
        let payload = Payload {
            msg: &piece,
            aad: &self.head,
        };
        match &self.cipher {
            Some(cipher) => cipher
                .decrypt(&nonce, payload)
                .map_err(|_| Error::new(ErrorKind::InvalidData, "it was changed or damaged")),
            None => Ok(piece),
        }
    }
}

/// Writes pieces.
struct Pieces<W: Write> {
    to: W,
    seal: Seal,
    piece: Vec<u8>,
}

impl<W: Write> Pieces<W> {
    fn put(&mut self, last: bool) -> Result<()> {
        let sealed = self.seal.seal(&self.piece, last)?;
        self.piece.clear();
        let length = u32::try_from(sealed.len()).map_err(Error::other)?;
        self.to.write_all(&[u8::from(last)])?;
        self.to.write_all(&length.to_be_bytes())?;
        self.to.write_all(&sealed)
    }
}

impl<W: Write> Write for Pieces<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        // A full piece waits until more comes: the last one must be known as such when it is sealed.
        if self.piece.len() == PIECE {
            self.put(false)?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// A backup being written.
pub(crate) struct BackupWriter<W: Write>(GzEncoder<Pieces<W>>);

impl<W: Write> BackupWriter<W> {
    /// Begins a file. `key` must be the one the head names.
    pub(crate) fn begin(mut to: W, head: &Head, key: Option<&MasterKey>) -> Result<Self> {
        let mut line = serde_json::to_vec(head)?;
        line.push(b'\n');
        to.write_all(MAGIC)?;
        to.write_all(&line)?;
        let pieces = Pieces {
            to,
            seal: Seal::new(head, &line, key),
            piece: Vec::with_capacity(PIECE),
        };
        Ok(Self(GzEncoder::new(pieces, Compression::fast())))
    }

    /// Adds whole lines.
    pub(crate) fn lines(&mut self, lines: &[u8]) -> Result<()> {
        self.0.write_all(lines)
    }

    /// Writes the last piece; what it was written to.
    pub(crate) fn finish(self) -> Result<W> {
        let mut pieces = self.0.finish()?;
        pieces.put(true)?;
        pieces.to.flush()?;
        Ok(pieces.to)
    }
}

/// Reads pieces; the end of the file is an error before the last piece was seen.
struct Opened<R: Read> {
    from: R,
    seal: Seal,
    piece: Vec<u8>,
    at: usize,
    last: bool,
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        while self.at == self.piece.len() {
            if self.last {
                return Ok(0);
            }
            let mut frame = [0_u8; 5];
            self.from.read_exact(&mut frame).map_err(cut)?;
            let [flag, length @ ..] = frame;
            let length = u32::from_be_bytes(length) as usize;
            if flag > 1 || length > PIECE + TAG {
                return Err(Error::new(ErrorKind::InvalidData, "it was changed or damaged"));
            }
            let mut piece = vec![0; length];
            self.from.read_exact(&mut piece).map_err(cut)?;
            self.last = flag == 1;
            self.piece = self.seal.open(piece, self.last)?;
            self.at = 0;
            if self.last && self.from.read(&mut [0])? != 0 {
                return Err(Error::new(
                    ErrorKind::InvalidData,
                    "something was added at its end",
                ));
            }
        }
        let taken = to.len().min(self.piece.len() - self.at);
        to[..taken].copy_from_slice(&self.piece[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

fn cut(error: Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => Error::new(ErrorKind::UnexpectedEof, "its end is missing"),
        _ => error,
    }
}

/// A backup whose head was read.
pub(crate) struct BackupReader<R: Read> {
    pub(crate) head: Head,
    line: Vec<u8>,
    from: R,
}

impl<R: BufRead> BackupReader<R> {
    /// Reads the head.
    pub(crate) fn begin(mut from: R) -> Result<Self> {
        let no_backup = || Error::new(ErrorKind::InvalidData, "this is no backup of rmmbridge");
        let mut magic = vec![];
        Read::take(&mut from, MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic != MAGIC {
            // A later format begins like ours.
            let theirs = magic.starts_with(b"rmmbridge backup ");
            return Err(if theirs {
                Error::new(
                    ErrorKind::InvalidData,
                    "it is of a newer format. Use the version of rmmbridge that wrote it, or a newer one",
                )
            } else {
                no_backup()
            });
        }
        let mut line = vec![];
        Read::take(&mut from, HEAD).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(Error::new(ErrorKind::UnexpectedEof, "its end is missing"));
        }
        let head = serde_json::from_slice(&line)
            .map_err(|_| Error::new(ErrorKind::InvalidData, "its head was changed or damaged"))?;
        Ok(Self { head, line, from })
    }

    /// The lines inside. `key` must be the one the head names.
    pub(crate) fn lines(self, key: Option<&MasterKey>) -> impl BufRead + use<R> {
        let opened = Opened {
            seal: Seal::new(&self.head, &self.line, key),
            from: self.from,
            piece: vec![],
            at: 0,
            last: false,
        };
        BufReader::with_capacity(
            256 * 1024,
            GzDecoder::new(BufReader::with_capacity(PIECE, opened)),
        )
    }
}

/// A salt for [`Head`].
pub(crate) fn salt(random: &dyn Random) -> String {
    let mut salt = [0_u8; 32];
    random.fill(&mut salt);
    salt.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes a file's name durable: a rename that was not written down is undone by a power cut.
pub(crate) fn sync_directory_of(path: &Path) -> Result<()> {
    let directory = path.parent().filter(|d| !d.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    // Windows neither can nor must.
    if cfg!(unix) {
        std::fs::File::open(directory)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn key(digit: &str) -> MasterKey {
        MasterKey::from_hex(&SecretString::from(digit.repeat(64)), "a test").unwrap()
    }

    fn head(key: Option<&MasterKey>) -> Head {
        Head {
            schema: 3,
            program: "0.1.0".to_owned(),
            created: 0,
            instance: None,
            key: key.map(|key| key.id().to_owned()),
            secrets: vec![],
            salt: "5a".repeat(32),
        }
    }

    /// Lines that do not shrink to nothing: several pieces of them.
    fn content() -> Vec<u8> {
        let mut number = 1_u64;
        let mut text = String::new();
        while text.len() < 600_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let _ = writeln!(text, "{number:x}");
        }
        text.into_bytes()
    }

    fn written(key: Option<&MasterKey>) -> Vec<u8> {
        let mut writer = BackupWriter::begin(vec![], &head(key), key).unwrap();
        writer.lines(&content()).unwrap();
        writer.finish().unwrap()
    }

    fn read(file: &[u8], key: Option<&MasterKey>) -> Result<Vec<u8>> {
        let mut text = vec![];
        BackupReader::begin(file)?.lines(key).read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn what_was_written_is_read() {
        let key = key("a");
        for key in [Some(&key), None] {
            let file = written(key);
            assert!(file.len() > 3 * PIECE, "{}", file.len());
            assert_eq!(read(&file, key).unwrap(), content());
        }
    }

    #[test]
    fn no_byte_of_a_sealed_backup_can_be_changed_cut_or_added() {
        let key = key("a");
        let file = written(Some(&key));
        // Places in the head and in the first frame, and some in all the others.
        let places = (0..400)
            .step_by(3)
            .chain((400..file.len()).step_by(9973))
            .chain([file.len() - 1]);
        for at in places {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(read(&changed, Some(&key)).is_err(), "byte {at} changed");
            assert!(read(&file[..at], Some(&key)).is_err(), "cut at {at}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(read(&longer, Some(&key)).is_err());
        // The frames in another order.
        let body = MAGIC.len() + file[MAGIC.len()..].iter().position(|b| *b == b'\n').unwrap() + 1;
        let frame = 5 + PIECE + TAG;
        let mut swapped = file[..body].to_vec();
        swapped.extend(&file[body + frame..body + 2 * frame]);
        swapped.extend(&file[body..body + frame]);
        swapped.extend(&file[body + 2 * frame..]);
        assert!(read(&swapped, Some(&key)).is_err());
    }

    #[test]
    fn another_key_does_not_open_it_and_nothing_shows_through() {
        let file = written(Some(&key("a")));
        assert!(read(&file, Some(&key("b"))).is_err());
        let first = content()[..16].to_vec();
        assert!(!file.windows(16).any(|w| w == first));
    }

    #[test]
    fn what_is_no_backup_is_called_so() {
        for file in [&b""[..], b"PK\x03\x04", b"rmmbridge", &[0; 4096]] {
            let error = read(file, None).unwrap_err().to_string();
            assert_eq!(error, "this is no backup of rmmbridge");
        }
        let error = read(b"rmmbridge backup 2\n{}\n", None).unwrap_err().to_string();
        assert!(error.contains("newer format"), "{error}");
    }
}
