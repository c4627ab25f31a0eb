//! What the system says of a TCP socket (`TCP_INFO`, tcp(7); a simulated stack in its own words).

use std::fmt;

use serde::{Deserialize, Serialize};

/// One sample. What a system does not tell is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// Where the connection is in its life.
    pub state: TcpState,
    /// Smoothed round-trip time, in µs (RFC 6298, 2).
    pub rtt_us: Option<u32>,
    /// Its variation, in µs (RFC 6298, 2).
    pub rttvar_us: Option<u32>,
    /// How long it waits for an acknowledgment before it sends again, in µs (RFC 6298).
    pub rto_us: Option<u32>,
    /// The largest segment it sends, in bytes (RFC 9293, 3.7.1).
    pub mss: Option<u32>,
    /// The congestion window, in segments of `mss` bytes (RFC 5681, 2).
    pub cwnd: Option<u32>,
    /// The slow start threshold, in segments; `None` also while there is none yet (RFC 5681, 2).
    pub ssthresh: Option<u32>,
    /// Segments that were sent and not acknowledged.
    pub unacked: Option<u32>,
    /// Segments that were sent again, since the connection was made.
    pub retransmits: Option<u32>,
    /// How often it has sent again, or probed, without an answer so far.
    pub backoff: Option<u32>,
    /// What the peer lets it send, in bytes (RFC 9293, 3.8.6).
    pub send_window: Option<u32>,
    /// What it lets the peer send, in bytes.
    pub receive_window: Option<u32>,
    /// Bytes that the program has written and that were not sent yet.
    pub not_sent: Option<u32>,
    /// What was delivered lately, in bytes per second.
    pub delivery_rate: Option<u64>,
    /// Bytes that the peer has acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes that came from the peer.
    pub bytes_received: Option<u64>,
}

impl Kernel {
    /// A sample of which only the state is known.
    pub fn of(state: TcpState) -> Self {
        Self {
            state,
            rtt_us: None,
            rttvar_us: None,
            rto_us: None,
            mss: None,
            cwnd: None,
            ssthresh: None,
            unacked: None,
            retransmits: None,
            backoff: None,
            send_window: None,
            receive_window: None,
            not_sent: None,
            delivery_rate: None,
            bytes_acked: None,
            bytes_received: None,
        }
    }
}

/// The states of a connection (RFC 9293, 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum TcpState {
    /// Waits for anyone to connect.
    Listen,
    /// Has sent its SYN.
    SynSent,
    /// Has got a SYN and sent its own.
    SynReceived,
    /// Data can flow.
    Established,
    /// Has sent its FIN.
    #[serde(rename = "FIN-WAIT-1")]
    FinWait1,
    /// Its FIN is acknowledged; that of the peer is awaited.
    #[serde(rename = "FIN-WAIT-2")]
    FinWait2,
    /// Has got the peer's FIN; the program has not closed yet.
    CloseWait,
    /// Both FINs are sent; its own is not acknowledged.
    Closing,
    /// Has got the peer's FIN and sent its own.
    LastAck,
    /// Waits until nothing of the connection can be under way any more.
    TimeWait,
    /// There is no connection.
    Closed,
}

impl TcpState {
    /// Every state, with its name in the RFC (there FIN-WAIT-1).
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Listen, "LISTEN"),
        (Self::SynSent, "SYN-SENT"),
        (Self::SynReceived, "SYN-RECEIVED"),
        (Self::Established, "ESTABLISHED"),
        (Self::FinWait1, "FIN-WAIT-1"),
        (Self::FinWait2, "FIN-WAIT-2"),
        (Self::CloseWait, "CLOSE-WAIT"),
        (Self::Closing, "CLOSING"),
        (Self::LastAck, "LAST-ACK"),
        (Self::TimeWait, "TIME-WAIT"),
        (Self::Closed, "CLOSED"),
    ];

    /// Its name in the RFC.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(state, _)| *state == self);
        found.map_or("", |(_, name)| name)
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
