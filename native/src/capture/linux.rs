//! Packet sockets (packet(7)).

use std::io::{self, ErrorKind, IoSliceMut, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    ControlMessageOwned, LinkAddr, MsgFlags, SetSockOpt as _, bind, getsockopt, recvmsg, sockopt,
};
use nix::{cmsg_space, getsockopt_impl, setsockopt_impl};
use socket2::{Domain, SockFilter, Socket, Type};
use wire::packet::MAX_PACKET_BYTES;

use super::link_address::link_address;
use super::{Captured, Endpoint, Missing, Source, filter};
use crate::gateway::limits::{CAPTURE_BUFFER_BYTES, MAX_CAPTURED_AT_ONCE};

const INTERFACE: &str = "lo";

/// Every EtherType (ETH_P_ALL).
const ALL: u16 = 3;

/// An EtherType that nobody sends: IEEE 802 keeps it for experiments. A packet socket cannot be
/// told to receive nothing again, so it is told to receive this.
const NONE: u16 = 0x88b5;

/// A packet socket on the loopback interface.
pub(super) struct Loopback {
    socket: Socket,
    interface: u32,
    /// What is written into the one ends a wait for the other.
    wake: (UnixStream, UnixStream),
    buffer: Mutex<Vec<u8>>,
}

/// SO_LOCK_FILTER: the filter stays, whoever has the socket.
#[derive(Clone)]
struct LockFilter;
setsockopt_impl!(
    LockFilter,
    libc::SOL_SOCKET,
    libc::SO_LOCK_FILTER,
    bool,
    sockopt::SetBool
);

/// PACKET_IGNORE_OUTGOING: packets are shown when they arrive, not also when they leave.
#[derive(Clone)]
struct IgnoreOutgoing;
setsockopt_impl!(
    IgnoreOutgoing,
    libc::SOL_PACKET,
    libc::PACKET_IGNORE_OUTGOING,
    bool,
    sockopt::SetBool
);

/// PACKET_STATISTICS: what came and what was lost since the last time.
#[derive(Clone, Copy)]
struct Statistics;
getsockopt_impl!(
    Statistics,
    libc::SOL_PACKET,
    libc::PACKET_STATISTICS,
    libc::tpacket_stats,
    sockopt::GetStruct<libc::tpacket_stats>
);

impl Loopback {
    /// A socket that receives nothing.
    pub(super) fn open() -> Result<Self, Missing> {
        Self::try_open().map_err(|error| Missing {
            why: match error.kind() {
                ErrorKind::PermissionDenied => {
                    "This system shows packets only to programs with a privilege, \
                     which Wirebook does not have."
                        .to_owned()
                }
                _ => format!("This system gives no access to packets: {error}."),
            },
            command: match error.kind() {
                ErrorKind::PermissionDenied => super::privilege::command(),
                _ => None,
            },
        })
    }

    fn try_open() -> io::Result<Self> {
        // Protocol 0: nothing is received until it is bound to one.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        // A burst is many packets at once. The greater room needs a privilege of its own.
        if sockopt::RcvBufForce
            .set(&socket, &CAPTURE_BUFFER_BYTES)
            .is_err()
        {
            socket.set_recv_buffer_size(CAPTURE_BUFFER_BYTES)?;
        }
        let wake = UnixStream::pair()?;
        wake.0.set_nonblocking(true)?;
        wake.1.set_nonblocking(true)?;
        Ok(Self {
            socket,
            interface: if_nametoindex(INTERFACE)?,
            wake,
            buffer: Mutex::new(vec![0; MAX_PACKET_BYTES]),
        })
    }

    fn receive(&self, ethertype: u16) -> io::Result<()> {
        let address = link_address(self.interface, ethertype)?;
        Ok(bind(self.socket.as_raw_fd(), &address)?)
    }

    /// The next packet that waits.
    fn next(&self, buffer: &mut [u8], each: &mut dyn FnMut(Captured<'_>)) -> io::Result<bool> {
        let mut control = cmsg_space!(nix::sys::time::TimeSpec);
        let mut slices = [IoSliceMut::new(buffer)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let descriptor = self.socket.as_raw_fd();
        let received = match recvmsg::<LinkAddr>(descriptor, &mut slices, Some(&mut control), flags)
        {
            Ok(received) => received,
            Err(Errno::EAGAIN) => return Ok(false),
            Err(Errno::EINTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let time = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(time) => Some(system_time(time)),
            _ => None,
        });
        let length = received.bytes;
        let Some(bytes) = buffer.get(..length.min(buffer.len())) else {
            return Ok(true);
        };
        each(Captured {
            time: time.unwrap_or_else(SystemTime::now),
            bytes,
            length,
        });
        Ok(true)
    }
}

impl Source for Loopback {
    fn admit(&self, endpoints: &[Endpoint]) -> io::Result<()> {
        attach(&self.socket, endpoints)?;
        LockFilter.set(&self.socket, &true)?;
        sockopt::ReceiveTimestampns.set(&self.socket, &true)?;
        // Before Linux 4.20 there is no such option, and the filter alone refuses them.
        let _ = IgnoreOutgoing.set(&self.socket, &true);
        Ok(())
    }

    fn resume(&self) -> io::Result<()> {
        self.receive(ALL)
    }

    fn pause(&self) -> io::Result<()> {
        self.receive(NONE)?;
        while self.read(&mut |_| {})? {}
        Ok(())
    }

    fn wait(&self) -> io::Result<()> {
        let mut descriptors = [
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.wake.1.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut descriptors, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Several calls are one.
        let mut calls = [0; 64];
        while matches!((&self.wake.1).read(&mut calls), Ok(1..)) {}
        Ok(())
    }

    fn wake(&self) {
        // If there is no room for another call, there are enough.
        let _ = (&self.wake.0).write(&[1]);
    }

    fn read(&self, each: &mut dyn FnMut(Captured<'_>)) -> io::Result<bool> {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..MAX_CAPTURED_AT_ONCE {
            if !self.next(&mut buffer, each)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn lost(&self) -> io::Result<u64> {
        Ok(getsockopt(&self.socket, Statistics)?.tp_drops.into())
    }
}

fn attach(socket: &Socket, endpoints: &[Endpoint]) -> io::Result<()> {
    let instructions: Vec<_> = filter::program(endpoints)
        .into_iter()
        .map(|it| SockFilter::new(it.code, it.if_true, it.if_false, it.operand))
        .collect();
    socket.attach_filter(&instructions)
}

fn system_time(time: nix::sys::time::TimeSpec) -> SystemTime {
    let nanoseconds = u32::try_from(time.tv_nsec()).unwrap_or(0);
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds)
}
