//! A network card that keeps what is sent until it is fetched.

use std::collections::VecDeque;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// The card of one host.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) mtu: usize,
    pub(crate) received: VecDeque<Vec<u8>>,
    pub(crate) sent: VecDeque<Vec<u8>>,
}

impl Device {
    pub(crate) fn new(mtu: u16) -> Self {
        Self {
            mtu: mtu.into(),
            received: VecDeque::new(),
            sent: VecDeque::new(),
        }
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Received;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, ToSend<'_>)> {
        let packet = self.received.pop_front()?;
        Some((Received(packet), ToSend(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<ToSend<'_>> {
        Some(ToSend(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // Checksums are computed and verified, so that a flipped bit is noticed.
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

/// A packet that came.
pub(crate) struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for a packet.
pub(crate) struct ToSend<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet = vec![0; length];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}
