//! ARP (RFC 826): which network card on this cable has an IPv4 address.

use super::ethernet;
use crate::dissect::dns::address_v4;
use crate::dissect::reader::Reader;

pub(super) fn message(reader: &mut Reader<'_>) -> Option<()> {
    let mut said = "";
    reader.group("ARP", None, &mut |reader| {
        let hardware = reader.number("Hardware type", 2)?;
        reader.note("1 is Ethernet (RFC 826)");
        let protocol = reader.hex("Protocol type", 2)?;
        reader.note("0800 is IPv4, as in an EtherType");
        let sizes = reader.hex("Address lengths", 2)?;
        reader.note("of the cards' addresses, then of the protocol's, in bytes");
        let operation = reader.number("Operation", 2)?;
        said = match operation {
            1 => "request: who has this address?",
            2 => "reply: this card has it",
            _ => "",
        };
        reader.note(said);
        if hardware != 1 || protocol != [8, 0] || sizes != [6, 4] {
            reader.rest("Addresses");
            return Some(());
        }
        ethernet::address(reader, "Sender's card")?;
        address_v4(reader, "Sender's address")?;
        ethernet::address(reader, "Target's card")?;
        address_v4(reader, "Target's address")?;
        Some(())
    })?;
    reader.value(said);
    reader.rest("Padding");
    Some(())
}
