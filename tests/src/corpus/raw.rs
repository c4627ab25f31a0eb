//! Frames of a WebSocket byte by byte (RFC 6455, 5.2), as no library would write them.

use anyhow::Result;

use super::input::Frame;

/// Every frame is masked with this; it need not be a secret to be right.
const MASK: [u8; 4] = [0x5a, 0x3c, 0x96, 0x0f];

/// What a frame is.
pub(super) mod opcode {
    pub(in crate::corpus) const BINARY: u8 = 2;
    pub(in crate::corpus) const CLOSE: u8 = 8;
    pub(in crate::corpus) const PONG: u8 = 10;
}

/// A right frame with this payload.
pub(super) fn binary(payload: &[u8]) -> Vec<u8> {
    encode(true, 0, opcode::BINARY, true, None, payload)
}

impl Frame {
    /// As it goes onto the wire.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        Ok(encode(
            self.fin,
            self.rsv,
            self.opcode,
            self.masked,
            self.length,
            &self.payload()?,
        ))
    }
}

fn encode(
    fin: bool,
    rsv: u8,
    opcode: u8,
    masked: bool,
    length: Option<u64>,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![u8::from(fin) << 7 | (rsv & 7) << 4 | opcode & 15];
    let mask_bit = u8::from(masked) << 7;
    match length.unwrap_or(payload.len() as u64) {
        length @ 0..=125 => bytes.push(mask_bit | length as u8),
        length @ 126..=0xffff => {
            bytes.push(mask_bit | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(mask_bit | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    if !masked {
        bytes.extend(payload);
        return bytes;
    }
    bytes.extend(MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    bytes.extend(masked.map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Takes the first frame that is there whole: its opcode and payload. A server masks nothing and,
/// here, splits nothing.
pub(super) fn take_frame(bytes: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (start, length) = match second & 127 {
        126 => (
            4,
            u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into(),
        ),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        length => (2, length.into()),
    };
    let end = start + usize::try_from(length).ok()?;
    let payload = bytes.get(start..end)?.to_vec();
    bytes.drain(..end);
    Some((first & 15, payload))
}
