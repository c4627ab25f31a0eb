//! Linux: sock_diag(7), the service behind `ss`, over a netlink socket (RFC 3549).
//!
//! One question and one answer, of numbers at fixed places. They are read here by their offsets
//! because kernels differ in how much of `struct tcp_info` they tell: what is beyond the end of an
//! answer is not known, and nothing else is lost.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use wire::Kernel;
use wire::kernel::TcpState;

use super::Asker;

/// AF_NETLINK, AF_INET, AF_INET6 and IPPROTO_TCP (linux/socket.h, linux/in.h).
const AF_NETLINK: i32 = 16;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;

/// NETLINK_SOCK_DIAG (linux/netlink.h).
const NETLINK_SOCK_DIAG: i32 = 4;
/// SOCK_DIAG_BY_FAMILY (linux/sock_diag.h), NLM_F_REQUEST and NLMSG_ERROR (linux/netlink.h).
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
/// INET_DIAG_INFO (linux/inet_diag.h): the attribute that holds a `struct tcp_info`.
const INET_DIAG_INFO: u16 = 2;

/// `struct nlmsghdr`, `struct inet_diag_req_v2`, `struct inet_diag_msg`, in bytes.
const HEADER: usize = 16;
const QUESTION: usize = 56;
const ANSWER: usize = 72;

/// ENOENT: there is no such connection.
const NOT_FOUND: i32 = 2;

/// How long an answer may take; the kernel gives it before the question returns.
const ANSWER_TIME: Duration = Duration::from_millis(100);

/// How many answers to other questions are passed over.
const MAX_STALE_ANSWERS: usize = 8;

/// A connection with the kernel.
pub(super) struct SockDiag {
    // Held for one question and its answer.
    asking: Mutex<Asking>,
}

struct Asking {
    socket: Socket,
    number: u32,
}

impl SockDiag {
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(
            Domain::from(AF_NETLINK),
            Type::DGRAM,
            Some(Protocol::from(NETLINK_SOCK_DIAG)),
        )?;
        socket.set_read_timeout(Some(ANSWER_TIME))?;
        let asking = Mutex::new(Asking { socket, number: 0 });
        let asker = Self { asking };
        // Some systems have the socket and answer nothing: that is to be known now.
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        asker.ask(nobody, nobody)?;
        Ok(asker)
    }
}

impl Asker for SockDiag {
    fn ask(&self, local: SocketAddr, peer: SocketAddr) -> io::Result<Option<Kernel>> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.number = asking.number.wrapping_add(1);
        let number = asking.number;
        asking.socket.send(&question(number, local, peer))?;
        let mut buffer = [0; 2048];
        for _ in 0..MAX_STALE_ANSWERS {
            let length = asking.socket.read(&mut buffer)?;
            if let Some(answer) = answer(&buffer[..length], number, local, peer) {
                return answer;
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Of which connection is asked; everything is in the order of the machine but ports and addresses.
fn question(number: u32, local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let length = (HEADER + QUESTION) as u32;
    let mut bytes = Vec::with_capacity(HEADER + QUESTION);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    // From any port of netlink: the kernel knows whom to answer.
    bytes.extend(0_u32.to_ne_bytes());

    let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
    let extensions = 1 << (INET_DIAG_INFO - 1);
    bytes.extend([family, IPPROTO_TCP, extensions, 0]);
    let any_state = u32::MAX;
    bytes.extend(any_state.to_ne_bytes());
    bytes.extend(addresses(local, peer));
    let any_interface = 0_u32;
    bytes.extend(any_interface.to_ne_bytes());
    // INET_DIAG_NOCOOKIE: whichever socket has these addresses now.
    bytes.extend([0xff; 8]);
    bytes
}

/// Ports and addresses as in `struct inet_diag_sockid`.
fn addresses(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36);
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(peer.port().to_be_bytes());
    for address in [local.ip(), peer.ip()] {
        let mut field = [0; 16];
        match address {
            IpAddr::V4(address) => field[..4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => field = address.octets(),
        }
        bytes.extend(field);
    }
    bytes
}

/// What an answer tells; `None` if it answers another question.
fn answer(
    message: &[u8],
    number: u32,
    local: SocketAddr,
    peer: SocketAddr,
) -> Option<io::Result<Option<Kernel>>> {
    let kind = u16_at(message, 4)?;
    if u32_at(message, 8)? != number {
        return None;
    }
    let length = (u32_at(message, 0)? as usize).min(message.len());
    let body = message.get(HEADER..length)?;
    if kind == NLMSG_ERROR {
        // The number is negative.
        let code = (u32_at(body, 0)?).wrapping_neg() as i32;
        return Some(match code {
            NOT_FOUND => Ok(None),
            code => Err(io::Error::from_raw_os_error(code)),
        });
    }
    // When the connection is gone the kernel answers with the socket that listens.
    if kind != SOCK_DIAG_BY_FAMILY || body.get(4..40)? != addresses(local, peer) {
        return Some(Ok(None));
    }
    let Some(state) = state(*body.get(1)?) else {
        return Some(Ok(None));
    };
    let mut kernel = Kernel::of(state);
    // A connection in TIME-WAIT has no numbers any more, only its state.
    if let Some(info) = attribute(body.get(ANSWER..)?, INET_DIAG_INFO) {
        fill(&mut kernel, info);
    }
    Some(Ok(Some(kernel)))
}

/// A state by its number in `net/tcp_states.h`.
fn state(number: u8) -> Option<TcpState> {
    Some(match number {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        // TCP_SYN_RECV, and TCP_NEW_SYN_RECV of a request that is no full socket yet.
        3 | 12 => TcpState::SynReceived,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        7 => TcpState::Closed,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        10 => TcpState::Listen,
        11 => TcpState::Closing,
        _ => return None,
    })
}

/// The attribute of this type (`struct rtattr`): length, type, value, padded to four bytes.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(bytes, 0)?);
        let value = bytes.get(4..length)?;
        if u16_at(bytes, 2)? == wanted {
            return Some(value);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

/// Reads a `struct tcp_info` (linux/tcp.h).
fn fill(kernel: &mut Kernel, info: &[u8]) {
    /// TCP_INFINITE_SSTHRESH: there is no threshold yet.
    const NO_THRESHOLD: u32 = 0x7fff_ffff;

    let number = |offset| u32_at(info, offset);
    // No round trip was measured yet.
    let measured = |offset| number(offset).filter(|us| *us > 0);
    let [retransmits, probes] = [2, 3].map(|offset| info.get(offset).copied());
    kernel.backoff = retransmits.max(probes).map(u32::from);
    kernel.rto_us = measured(8);
    kernel.mss = number(16);
    kernel.unacked = number(24);
    kernel.rtt_us = measured(68);
    kernel.rttvar_us = kernel.rtt_us.and_then(|_| number(72));
    kernel.ssthresh = number(76).filter(|segments| *segments < NO_THRESHOLD);
    kernel.cwnd = number(80);
    kernel.retransmits = number(100);
    kernel.bytes_acked = u64_at(info, 120);
    kernel.bytes_received = u64_at(info, 128);
    kernel.not_sent = number(144);
    kernel.delivery_rate = u64_at(info, 160).filter(|rate| *rate > 0);
    // Told since Linux 5.4 and 6.2.
    kernel.send_window = number(228);
    kernel.receive_window = number(232);
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener, TcpStream};

    use super::*;

    /// Asks until the state is this one: what one end does reaches the other in its own time.
    fn until(asker: &SockDiag, local: SocketAddr, peer: SocketAddr, state: TcpState) -> Kernel {
        let mut last = None;
        for _ in 0..2_000 {
            last = asker.ask(local, peer).unwrap();
            match last {
                Some(kernel) if kernel.state == state => return kernel,
                _ => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        panic!("{state} was not reached: {last:?}")
    }

    #[test]
    fn a_connection_is_followed_to_the_end_of_its_time_wait() {
        let asker = SockDiag::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let stream = TcpStream::connect(server).unwrap();
        let client = stream.local_addr().unwrap();
        let (mut accepted, _) = listener.accept().unwrap();

        accepted.write_all(&[7; 1_000]).unwrap();
        let numbers = until(&asker, server, client, TcpState::Established);
        assert!(numbers.cwnd.is_some_and(|segments| segments > 0));
        assert!(numbers.mss.is_some_and(|bytes| bytes >= 536));
        assert!(numbers.rto_us.is_some());
        assert_eq!(numbers.retransmits, Some(0));
        assert_eq!(numbers.ssthresh, None);
        let received = until(&asker, client, server, TcpState::Established);
        assert_eq!(received.bytes_received, Some(1_000));

        let mut taken = [0; 1_000];
        (&stream).read_exact(&mut taken).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        until(&asker, client, server, TcpState::FinWait2);
        until(&asker, server, client, TcpState::CloseWait);
        drop(stream);
        drop(accepted);
        until(&asker, client, server, TcpState::TimeWait);
        assert_eq!(asker.ask(server, client).unwrap(), None);
    }

    #[test]
    fn where_nobody_is_connected_there_is_nothing_not_even_the_listener() {
        let asker = SockDiag::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(asker.ask(server, nobody).unwrap(), None);
        let nobody = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 1));
        assert_eq!(asker.ask(nobody, nobody).unwrap(), None);
    }

    #[test]
    fn an_older_kernel_tells_less() {
        let whole: Vec<u8> = (0..=255).collect();
        for length in 0..whole.len() {
            let mut kernel = Kernel::of(TcpState::Established);
            fill(&mut kernel, &whole[..length]);
            assert_eq!(kernel.cwnd.is_some(), length >= 84);
            assert_eq!(kernel.receive_window.is_some(), length >= 236);
        }
    }

    #[test]
    fn a_cut_answer_is_no_answer() {
        let end = SocketAddr::from(([127, 0, 0, 1], 9));
        let mut message = question(5, end, end);
        message.resize(HEADER + ANSWER + 4 + 100, 1);
        for length in 0..message.len() {
            let _ = answer(&message[..length], 5, end, end);
        }
        assert!(answer(&message, 6, end, end).is_none());
    }
}
