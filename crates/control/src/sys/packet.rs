//! Packets that may carry a descriptor, over a pair of sockets that keeps packets apart.
//!
//! Owns the descriptors' flags (close-on-exec and non-blocking, at both ends, and close-on-exec for
//! received ones) and the size of a packet. Knows nothing of the packets' contents.
//!
//! A packet carries one descriptor at most. If a process has no room for it, the kernel delivers the packet
//! without it. Of several descriptors the kernel could deliver some, and the receiver could not tell which.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
    recvmsg, sendmsg, socketpair,
};
use procpool_os::descriptor::above_standard_streams;

/// The longest packet. A higher limit costs memory at each receipt, and the kernel's own limit is three
/// times as high; a lower one leaves less room for the report of a panic.
pub const LONGEST: usize = 64 * 1024;

/// One end of a pair.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

/// A received packet.
#[derive(Debug)]
pub struct Packet {
    /// Its contents.
    pub bytes: Vec<u8>,
    /// The descriptor that it carried; also `None` if this process had no room for it.
    pub descriptor: Option<OwnedFd>,
}

/// Makes a pair.
///
/// # Errors
///
/// The system's, mostly `EMFILE`.
pub fn pair() -> nix::Result<(PacketSocket, PacketSocket)> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    let above = |end| above_standard_streams(end).map(PacketSocket);
    Ok((above(ours)?, above(theirs)?))
}

impl PacketSocket {
    /// Sends a packet.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if there is no room for it now; others if the other end is closed.
    pub fn send(&self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> nix::Result<()> {
        let numbers: Vec<RawFd> = descriptor.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&numbers)];
        let rights = if numbers.is_empty() { &[] } else { &rights[..] };
        let parts = [IoSlice::new(bytes)];
        sendmsg::<()>(self.0.as_raw_fd(), &parts, rights, MsgFlags::MSG_NOSIGNAL, None).map(drop)
    }

    /// Receives a packet. Returns `None` if the other end is closed.
    ///
    /// # Errors
    ///
    /// `EAGAIN` if there is none now.
    pub fn receive(&self) -> nix::Result<Option<Packet>> {
        let mut bytes = vec![0; LONGEST];
        let mut control = cmsg_space!(RawFd);
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let number = self.0.as_raw_fd();
        let message = recvmsg::<UnixAddr>(number, &mut parts, Some(&mut control), flags)?;
        let count = message.bytes;
        let arrived = match message.cmsgs() {
            Ok(mut messages) => messages.find_map(|message| match message {
                ControlMessageOwned::ScmRights(numbers) => numbers.first().copied(),
                _ => None,
            }),
            // The kernel reports that there was no room for the descriptor.
            Err(Errno::ENOBUFS) => None,
            Err(errno) => return Err(errno),
        };
        // SAFETY: recvmsg has opened the descriptor for this process, and a packet carries one at most,
        // so nothing else owns it.
        let descriptor = arrived.map(|number| unsafe { OwnedFd::from_raw_fd(number) });
        // If it cannot be moved to another number, there was no room for it.
        let descriptor = descriptor.and_then(|fd| above_standard_streams(fd).ok());
        bytes.truncate(count);
        Ok((count > 0).then_some(Packet { bytes, descriptor }))
    }
}

/// Takes over an end that this process inherited.
impl From<OwnedFd> for PacketSocket {
    fn from(end: OwnedFd) -> Self {
        Self(end)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::stat::fstat;

    use super::*;

    #[test]
    fn packets_stay_apart_and_carry_a_descriptor() {
        let (ours, theirs) = pair().unwrap();
        assert_eq!(theirs.receive().unwrap_err(), Errno::EAGAIN);
        let file = std::fs::File::open("/dev/null").unwrap();
        ours.send(b"one", Some(file.as_fd())).unwrap();
        ours.send(b"two", None).unwrap();
        let first = theirs.receive().unwrap().expect("it was sent");
        assert_eq!(first.bytes, b"one");
        let arrived = first.descriptor.expect("it was sent along");
        assert_ne!(arrived.as_raw_fd(), file.as_raw_fd());
        assert_eq!(fstat(&arrived).unwrap().st_rdev, fstat(&file).unwrap().st_rdev);
        let second = theirs.receive().unwrap().expect("it was sent");
        assert_eq!((second.bytes.as_slice(), second.descriptor.is_none()), (&b"two"[..], true));
        drop(ours);
        // Until then, a child that another test forks has the other end, too.
        poll(&mut [PollFd::new(theirs.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        assert!(theirs.receive().unwrap().is_none(), "the other end is closed");
        assert_eq!(theirs.send(b"three", None), Err(Errno::EPIPE));
    }

    #[test]
    fn a_packet_of_the_longest_size_arrives_whole() {
        let (ours, theirs) = pair().unwrap();
        ours.send(&vec![7; LONGEST], None).unwrap();
        assert_eq!(theirs.receive().unwrap().expect("it was sent").bytes, vec![7; LONGEST]);
    }
}
