//! The proof that both sides know the secret of the run, before anything is believed.
//!
//! Owns the pattern and the two messages. The relay sends the first one, with its [`Identity`], and the server
//! answers with its [`Verdict`]. An observer can replay the first message, but cannot derive the keys that the
//! answer settles: so the server believes in the relay once a message that is encrypted with them has arrived.
//!
//! ```text
//!  relay                        server
//!  Identity, ephemeral key ───▶
//!                          ◀─── Verdict, ephemeral key
//!  the first piece ───────────▶ from here on it counts as a host
//! ```

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use snow::{Builder, HandshakeState, TransportState};

use crate::build::hexadecimal;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";

/// A name that is hashed into the handshake on both sides: another version fails it.
const PROLOGUE: &[u8] = b"procpool-hosts 1";

/// The longest message of a handshake. Longer host names need more; every half-open connection may occupy it.
pub(crate) const LONGEST: usize = 2048;

/// A secret of one run.
#[derive(Clone, Copy)]
pub(crate) struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Draws one.
    pub(crate) fn random() -> io::Result<Self> {
        let mut bytes = [0; 32];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(crate) fn to_text(self) -> String {
        hexadecimal(&self.0)
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// A relay, as it introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// See [`build`](crate::build).
    pub(crate) build: String,
    /// The host's name.
    pub(crate) host: String,
}

/// The server's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// The relay serves. Silence for so long is the end of the connection.
    Welcome { silence: Duration },
    /// The relay is of no use, for this reason.
    Refused(String),
}

fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn builder(secret: &Secret) -> Result<Builder<'_>, snow::Error> {
    Builder::new(PATTERN.parse()?).psk(0, &secret.0)?.prologue(PROLOGUE)
}

/// Appends a message of a handshake, behind its length.
fn write_message(state: &mut HandshakeState, content: &impl Serialize) -> io::Result<Vec<u8>> {
    let content = postcard::to_stdvec(content).map_err(failed)?;
    let mut message = [0; LONGEST];
    let length = state.write_message(&content, &mut message).map_err(failed)?;
    let mut bytes = u16::try_from(length).map_err(failed)?.to_le_bytes().to_vec();
    bytes.extend_from_slice(&message[..length]);
    Ok(bytes)
}

fn read_message<T: DeserializeOwned>(state: &mut HandshakeState, bytes: &[u8]) -> io::Result<T> {
    let mut content = [0; LONGEST];
    let length = state.read_message(bytes, &mut content).map_err(failed)?;
    postcard::from_bytes(&content[..length]).map_err(failed)
}

/// Introduces a relay over `stream`, whose reads and writes have time limits.
///
/// # Errors
///
/// Those of the stream; `UnexpectedEof` or `ConnectionReset` if the pool is over, or has another secret;
/// `InvalidData` if the other side does not know the secret.
pub(crate) fn introduce(
    mut stream: impl Read + Write,
    secret: &Secret,
    identity: &Identity,
) -> io::Result<(Verdict, TransportState)> {
    let mut state = builder(secret).and_then(Builder::build_initiator).map_err(failed)?;
    stream.write_all(&write_message(&mut state, identity)?)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let length = usize::from(u16::from_le_bytes(length));
    if length > LONGEST {
        return Err(failed("a longer message than any handshake has"));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message)?;
    let verdict = read_message(&mut state, &message)?;
    Ok((verdict, state.into_transport_mode().map_err(failed)?))
}

/// The server's side of a connection that has proved nothing yet.
#[derive(Debug)]
pub(crate) struct HalfOpen<S> {
    stream: S,
    received: Vec<u8>,
    /// When it is given up.
    pub(crate) deadline: Instant,
}

impl<S: Read + Write> HalfOpen<S> {
    pub(crate) fn new(stream: S, deadline: Instant) -> Self {
        Self { stream, received: Vec::new(), deadline }
    }

    /// Reads what has arrived. Returns what the relay says of itself once that is complete.
    ///
    /// # Errors
    ///
    /// Those of the stream, among them `WouldBlock`; `InvalidData` if the other side does not know the secret.
    pub(crate) fn read(&mut self, secret: &Secret) -> io::Result<(Identity, Answer)> {
        loop {
            let wanted = match self.received.first_chunk::<2>() {
                None => 2,
                Some(length) => 2 + usize::from(u16::from_le_bytes(*length)),
            };
            if wanted > LONGEST {
                return Err(failed("a longer message than any handshake has"));
            }
            if self.received.len() == wanted && wanted > 2 {
                let mut state =
                    builder(secret).and_then(Builder::build_responder).map_err(failed)?;
                let identity = read_message(&mut state, &self.received[2..])?;
                return Ok((identity, Answer(state)));
            }
            // No more than the message: what follows is not for the handshake.
            let mut bytes = vec![0; (wanted - self.received.len()).max(1)];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.received.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// Sends the verdict. It fits into an empty socket's buffer.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub(crate) fn answer(
        mut self,
        answer: Answer,
        verdict: &Verdict,
    ) -> io::Result<(S, TransportState)> {
        let Answer(mut state) = answer;
        self.stream.write_all(&write_message(&mut state, verdict)?)?;
        Ok((self.stream, state.into_transport_mode().map_err(failed)?))
    }
}

/// A handshake that waits for the server's answer.
#[derive(Debug)]
pub(crate) struct Answer(HandshakeState);

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn identity() -> Identity {
        Identity { build: "build id 00".to_owned(), host: "n1".to_owned() }
    }

    /// A relay with one secret meets a server with another or the same one.
    fn meet(relays: Secret, servers: Secret) -> (io::Result<Verdict>, io::Result<Identity>) {
        let (theirs, ours) = UnixStream::pair().unwrap();
        let relay = std::thread::spawn(move || {
            introduce(theirs, &relays, &identity()).map(|(verdict, _)| verdict)
        });
        let mut half = HalfOpen::new(ours, Instant::now());
        let read = half.read(&servers).and_then(|(identity, answer)| {
            let silence = Duration::from_secs(4);
            half.answer(answer, &Verdict::Welcome { silence }).map(|_| identity)
        });
        (relay.join().unwrap(), read)
    }

    #[test]
    fn both_sides_learn_of_each_other_if_they_know_the_secret() {
        let secret = Secret::random().unwrap();
        let again = Secret::from_text(&secret.to_text()).unwrap();
        let (verdict, read) = meet(secret, again);
        assert_eq!(read.unwrap(), identity());
        assert_eq!(verdict.unwrap(), Verdict::Welcome { silence: Duration::from_secs(4) });
    }

    #[test]
    fn another_secret_is_refused_before_anything_is_read() {
        let (verdict, read) = meet(Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(verdict.is_err(), "there is no answer");
    }

    #[test]
    fn garbage_is_refused_at_its_length() {
        let (mut theirs, ours) = UnixStream::pair().unwrap();
        theirs.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut half = HalfOpen::new(ours, Instant::now());
        let error = half.read(&Secret::random().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        assert!(half.received.len() <= 2, "nothing else was read");
    }

    #[test]
    fn text_that_is_no_secret_is_refused() {
        for text in ["", "00", "zz".repeat(32).as_str(), "é".repeat(32).as_str()] {
            assert!(Secret::from_text(text).is_none(), "{text}");
        }
    }
}
