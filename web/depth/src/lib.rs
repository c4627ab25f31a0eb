//! The page's second module, loaded when it is first needed: what would make every page heavier
//! and is not on every page.
//!
//! `book/theme/depth.js` loads it, and `web/src/browser/depth.rs` calls it by name. What goes in and
//! comes out is bytes, in postcard's encoding of the types in `wire`: the two modules share no memory.

pub mod exchange;
mod simulator;

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;
use wire::dissect;
use wire::packet::Link;

/// What a packet of a lesson means, layer by layer: a list of [`dissect::Field`]. It begins with a
/// header of IP, or else with one of Ethernet.
#[wasm_bindgen]
pub fn dissect(lesson: &str, is_ip: bool, packet: &[u8]) -> Result<Vec<u8>, JsError> {
    let link = if is_ip { Link::Ip } else { Link::Ethernet };
    Ok(postcard::to_allocvec(&dissect::packet_of(
        lesson, link, packet,
    ))?)
}

#[cfg(test)]
mod tests {
    use wire::dissect::Field;

    #[test]
    fn a_packet_travels_as_fields() {
        let answer = super::dissect("tcp_ok", false, &[0; 14]).unwrap_or_default();
        let fields: Vec<Field> = postcard::from_bytes(&answer).unwrap();
        assert_eq!(fields[0].range, 0..14);
    }
}
