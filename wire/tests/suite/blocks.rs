//! As much of pcapng (draft-ietf-opsawg-pcapng) as the tests read.

use wire::packet::Link;

/// An option: its code and value.
pub(crate) type Options = Vec<(u16, Vec<u8>)>;

/// A packet of a file.
pub(crate) struct Captured {
    /// Which of [`File::interfaces`].
    pub(crate) interface: usize,
    /// In units of its interface.
    pub(crate) time: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) length: usize,
    pub(crate) options: Options,
}

pub(crate) struct File {
    pub(crate) section: Options,
    /// The type of the link, and options.
    pub(crate) interfaces: Vec<(u32, Options)>,
    pub(crate) packets: Vec<Captured>,
}

impl File {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut file = Self {
            section: Vec::new(),
            interfaces: Vec::new(),
            packets: Vec::new(),
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = number(rest, 4) as usize;
            assert_eq!(length % 4, 0);
            let (block, after) = rest.split_at(length);
            assert_eq!(number(block, length - 4) as usize, length);
            let body = &block[8..length - 4];
            match number(block, 0) {
                0x0a0d_0d0a => file.section = options(&body[16..]),
                1 => {
                    let link = number(body, 0) & 0xffff;
                    file.interfaces.push((link, options(&body[8..])));
                }
                6 => {
                    let kept = number(body, 12) as usize;
                    file.packets.push(Captured {
                        interface: number(body, 0) as usize,
                        time: u64::from(number(body, 4)) << 32 | u64::from(number(body, 8)),
                        bytes: body[20..20 + kept].to_vec(),
                        length: number(body, 16) as usize,
                        options: options(&body[20 + kept.next_multiple_of(4)..]),
                    });
                }
                // Statistics and the like.
                _ => {}
            }
            rest = after;
        }
        file
    }

    pub(crate) fn link(&self, packet: &Captured) -> Link {
        match self.interfaces[packet.interface].0 {
            1 => Link::Ethernet,
            _ => Link::Ip,
        }
    }
}

/// The texts of the options of this code.
pub(crate) fn texts(options: &Options, code: u16) -> Vec<&str> {
    let of_code = options.iter().filter(|(other, _)| *other == code);
    of_code
        .map(|(_, value)| std::str::from_utf8(value).unwrap())
        .collect()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn options(mut bytes: &[u8]) -> Options {
    let mut options = Options::new();
    while let [code, high, length, more, rest @ ..] = bytes {
        let code = u16::from_le_bytes([*code, *high]);
        let length = usize::from(u16::from_le_bytes([*length, *more]));
        if code == 0 {
            break;
        }
        options.push((code, rest[..length].to_vec()));
        bytes = &rest[length.next_multiple_of(4)..];
    }
    options
}
