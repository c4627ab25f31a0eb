//! The address of an interface, which no crate makes without `unsafe` code.
//!
//! `nix` has the type, and takes one from a pointer only (nix-rust/nix#2059).
#![expect(
    unsafe_code,
    reason = "nix takes an address of an interface from a pointer only"
)]

use std::io;
use std::ptr;

use nix::libc;
use nix::sys::socket::{LinkAddr, SockaddrLike as _};

/// All packets of this EtherType, given in the host's order, at the interface of this index.
pub(super) fn link_address(interface: u32, ethertype: u16) -> io::Result<LinkAddr> {
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?,
        sll_protocol: ethertype.to_be(),
        sll_ifindex: i32::try_from(interface).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer is to a whole `sockaddr_ll` that lives until the end of this function,
    // its family is AF_PACKET, and it is copied from there.
    let address = unsafe { LinkAddr::from_raw(ptr::from_ref(&address).cast(), None) };
    address.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}
