//! What programs and the system did, in sentences.

use wire::event::{Action, Event};
use wire::text;

use crate::html::escape;

/// The most bytes of one transfer that are printed.
const MAX_SHOWN_BYTES: usize = 200;

/// One observed fact, in the lower case.
pub(super) fn sentence(event: &Event, bytes: &[u8]) -> String {
    let end = event.end;
    match &event.action {
        Action::Connect { local, peer } => format!(
            "the {end} connected to {} from {}.",
            code(&peer.to_string()),
            code(&local.to_string())
        ),
        Action::Accept { peer } => format!(
            "the {end} accepted a connection from {}.",
            code(&peer.to_string())
        ),
        Action::Wait { operation } => {
            format!("the {end} waited in {}.", code(&operation.to_string()))
        }
        Action::Read(_) => format!("the {end} read {}.", amount(bytes)),
        Action::EndOfStream => format!("the {end} read the end of the stream: 0 bytes."),
        Action::Write(_) => format!("the {end} wrote {}.", amount(bytes)),
        Action::Receive { .. } => format!("the {end} received a datagram of {}.", amount(bytes)),
        Action::Send { .. } => format!("the {end} sent a datagram of {}.", amount(bytes)),
        Action::ShutDown => format!("the {end} half-closed: it will write nothing more."),
        Action::Close => format!("the {end} closed its socket."),
        Action::Reset => format!("the {end} reset the connection."),
        Action::Error {
            operation,
            kind,
            message,
        } => format!(
            "at the {end} {} failed: {kind} ({}).",
            code(&operation.to_string()),
            escape(message)
        ),
        Action::Cancel { operation } => {
            format!("the {end} gave up {}.", code(&operation.to_string()))
        }
        Action::Option {
            option,
            asked,
            value,
        } => {
            let option = code(&option.to_string());
            match asked {
                Some(asked) => {
                    format!("the {end} set {option} to {asked}; the kernel says {value}.")
                }
                None => format!("the {end} asked for {option}; the kernel says {value}."),
            }
        }
        Action::Lose(_) => format!("the {end} lost a datagram of {}.", amount(bytes)),
        Action::Hold { for_ms, .. } => format!(
            "the {end} held back a datagram for {for_ms} ms: {}.",
            amount(bytes)
        ),
        Action::Duplicate(_) => format!("the {end} duplicated a datagram of {}.", amount(bytes)),
        Action::Packet(packet) => format!("the {} sent a packet.", packet.from),
        Action::Fate { packet, fate } => format!("packet {packet}: {}.", fate.verb()),
        Action::Kernel(kernel) => format!("the {end} is in state {}.", kernel.state),
    }
}

/// `5 bytes: hello`, with what is too long cut.
fn amount(bytes: &[u8]) -> String {
    let count = bytes.len();
    let plural = if count == 1 { "" } else { "s" };
    if count == 0 {
        return "0 bytes".to_owned();
    }
    let (shown, rest) = bytes.split_at(count.min(MAX_SHOWN_BYTES));
    let shown = code(&text::to_escaped(shown));
    match rest.len() {
        0 => format!("{count} byte{plural}: {shown}"),
        more => format!("{count} bytes: {shown} and {more} more"),
    }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}
