//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng, sections 3 and 4).

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// Says in which order the bytes of a number are, to whoever reads it.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// The codes of options (3.5, 4.1, 4.2).
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIPTION: u16 = 3;
const APPLICATION: u16 = 4;
const TIME_RESOLUTION: u16 = 9;

/// Times are in units of 10^-9 s.
const NANOSECONDS: u8 = 9;

/// The longest comment, in bytes: the length of an option has 16 bits.
const MAX_COMMENT: usize = 60_000;

/// What an interface's packets begin with (draft-ietf-opsawg-pcaplinktype).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkType {
    Ethernet = 1,
    /// IPv4 or IPv6, as the first four bits say.
    Raw = 101,
}

/// A file that grows.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) file: Vec<u8>,
}

/// One block on its way into the file.
struct Block<'a> {
    file: &'a mut Vec<u8>,
    start: usize,
}

impl Blocks {
    /// Begins a section (4.1). Its length is not told.
    pub(super) fn section(&mut self, application: &str, comment: &str) {
        let mut block = self.begin(SECTION);
        block.number(BYTE_ORDER_MAGIC);
        // Version 1.0.
        block.bytes(&[1, 0, 0, 0]);
        block.bytes(&[0xff; 8]);
        block.option(COMMENT, comment.as_bytes());
        block.option(APPLICATION, application.as_bytes());
        block.end();
    }

    /// Describes the next interface (4.2); they are counted from 0.
    pub(super) fn interface(&mut self, link: LinkType, name: &str, description: &str) {
        let mut block = self.begin(INTERFACE);
        block.number(link as u32);
        // Packets have no largest length.
        block.number(0);
        block.option(INTERFACE_NAME, name.as_bytes());
        block.option(INTERFACE_DESCRIPTION, description.as_bytes());
        block.option(TIME_RESOLUTION, &[NANOSECONDS]);
        block.end();
    }

    /// A packet (4.3), `length` bytes long of which `bytes` are there.
    pub(super) fn packet(
        &mut self,
        interface: u32,
        time_ns: u64,
        bytes: &[u8],
        length: u32,
        comments: &[String],
    ) {
        let mut block = self.begin(ENHANCED_PACKET);
        block.number(interface);
        block.number((time_ns >> 32) as u32);
        block.number(time_ns as u32);
        block.number(bytes.len() as u32);
        block.number(length.max(bytes.len() as u32));
        block.bytes(bytes);
        block.pad(bytes.len());
        for comment in comments {
            block.option(COMMENT, comment.as_bytes());
        }
        block.end();
    }

    fn begin(&mut self, kind: u32) -> Block<'_> {
        let start = self.file.len();
        let mut block = Block {
            file: &mut self.file,
            start,
        };
        block.number(kind);
        block.number(0);
        block
    }
}

impl Block<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.file.extend_from_slice(bytes);
    }

    fn number(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    /// Fills up what is `length` bytes long, so that the next begins at a multiple of 4.
    fn pad(&mut self, length: usize) {
        self.bytes(&[0; 3][..(4 - length % 4) % 4]);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = match value.get(..MAX_COMMENT) {
            Some(begin) => String::from_utf8_lossy(begin).into_owned().into_bytes(),
            None => value.to_vec(),
        };
        self.bytes(&code.to_le_bytes());
        self.bytes(&(value.len() as u16).to_le_bytes());
        self.bytes(&value);
        self.pad(value.len());
    }

    /// Ends the options, and says at both ends how long the block is (3.1).
    fn end(mut self) {
        self.option(END_OF_OPTIONS, &[]);
        let length = (self.file.len() - self.start + 4) as u32;
        self.number(length);
        let place = self.start + 4..self.start + 8;
        self.file[place].copy_from_slice(&length.to_le_bytes());
    }
}
