//! Which packets the kernel lets through, as a program for its packet filter (classic BPF).
//!
//! Only what one of the lessons' addresses has sent or is sent, over TCP or UDP; and ICMP errors
//! about such a packet. A packet that is too short for a question is not let through.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::{Endpoint, Protocol};

/// One instruction of the kernel's machine: what `struct sock_filter` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) if_true: u8,
    pub(super) if_false: u8,
    pub(super) operand: u32,
}

// The codes of <linux/bpf_common.h>, put together.
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF_INDEXED: u16 = 0x48;
const LOAD_BYTE_INDEXED: u16 = 0x50;
const LOAD_WORD_INDEXED: u16 = 0x40;
const LOAD_SCRATCH: u16 = 0x60;
/// X becomes four times the low half of a byte: the length of an IPv4 header.
const LOAD_HEADER_LENGTH: u16 = 0xb1;
const STORE: u16 = 0x02;
const AND: u16 = 0x54;
const SHIFT_LEFT: u16 = 0x64;
const ADD_X: u16 = 0x0c;
const A_TO_X: u16 = 0x07;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Where the kernel answers what kind of packet it is (SKF_AD_OFF + SKF_AD_PKTTYPE).
const PACKET_KIND: u32 = 0xffff_f004;
/// On its way out. The loopback interface shows each packet twice; once is enough.
const OUTGOING: u32 = 4;

const ETHERNET_BYTES: u32 = 14;
const ETHERTYPE: u32 = 12;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
const IPV6_HEADER_BYTES: u32 = 40;
const ICMP_HEADER_BYTES: u32 = 8;
const TCP: u32 = 6;
const UDP: u32 = 17;
const ICMP: u32 = 1;
const ICMPV6: u32 = 58;
/// Destination unreachable, time exceeded, parameter problem (RFC 792).
const ICMP_ERRORS: [u32; 3] = [3, 11, 12];
/// Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443).
const ICMPV6_ERRORS: [u32; 4] = [1, 2, 3, 4];
/// The bits of an IPv4 header's fragment offset: only the first fragment has ports.
const FRAGMENT_OFFSET: u32 = 0x1fff;

/// The program that lets through what concerns these endpoints.
pub(super) fn program(endpoints: &[Endpoint]) -> Vec<Instruction> {
    let mut program = Program::default();
    let [ipv4, ipv6, refuse, accept] = program.labels();
    let of = |protocol, is_ipv6| Ports::of(endpoints, protocol, is_ipv6);

    program.op(LOAD_BYTE, PACKET_KIND);
    program.when_equal(OUTGOING, refuse);
    program.op(LOAD_HALF, ETHERTYPE);
    program.when_equal(IPV4, ipv4);
    program.when_equal(IPV6, ipv6);
    program.jump(refuse);

    program.place(ipv4);
    let [tcp, udp, icmp] = program.labels();
    program.op(LOAD_HALF, ETHERNET_BYTES + 6);
    program.when_set(FRAGMENT_OFFSET, refuse);
    program.op(LOAD_BYTE, ETHERNET_BYTES + 9);
    program.when_equal(TCP, tcp);
    program.when_equal(UDP, udp);
    program.when_equal(ICMP, icmp);
    program.jump(refuse);
    for (label, protocol) in [(tcp, Protocol::Tcp), (udp, Protocol::Udp)] {
        program.place(label);
        program.op(LOAD_HEADER_LENGTH, ETHERNET_BYTES);
        let word = |offset| vec![Load::Word(ETHERNET_BYTES + offset)];
        let port = |offset| Load::HalfIndexed(ETHERNET_BYTES + offset);
        let ends = [(word(12), port(0)), (word(16), port(2))];
        program.accept_either(&of(protocol, false), &ends, accept);
        program.jump(refuse);
    }
    program.place(icmp);
    program.icmp(&of, refuse, accept);

    program.place(ipv6);
    program.ipv6(&of, refuse, accept);

    program.place(refuse);
    program.op(RETURN, 0);
    program.place(accept);
    program.op(RETURN, u32::MAX);
    program.assemble()
}

/// Addresses, and the ports at each.
type Table = BTreeMap<Vec<u32>, Vec<u16>>;

struct Ports(Table);

impl Ports {
    fn of(endpoints: &[Endpoint], protocol: Protocol, is_ipv6: bool) -> Self {
        let mut table = Table::new();
        for endpoint in endpoints {
            if endpoint.protocol == protocol && endpoint.address.is_ipv6() == is_ipv6 {
                let ports = table.entry(words(endpoint.address)).or_default();
                ports.push(endpoint.address.port());
            }
        }
        Self(table)
    }
}

/// An IP address as the machine compares it.
fn words(address: SocketAddr) -> Vec<u32> {
    match address.ip() {
        IpAddr::V4(ip) => vec![ip.to_bits()],
        IpAddr::V6(ip) => (ip.octets().chunks_exact(4))
            .map(|chunk| {
                chunk
                    .iter()
                    .fold(0, |word, byte| word << 8 | u32::from(*byte))
            })
            .collect(),
    }
}

/// Where a value is.
#[derive(Clone, Copy)]
enum Load {
    Word(u32),
    Half(u32),
    HalfIndexed(u32),
    Scratch(u32),
}

#[derive(Clone, Copy)]
struct Label(usize);

enum Step {
    Plain(u16, u32),
    Jump(Label),
    /// Two instructions, so that the jump may be long.
    If(u16, u32, Label),
}

#[derive(Default)]
struct Program {
    steps: Vec<Step>,
    /// Where each label stands, in instructions.
    places: Vec<usize>,
    length: usize,
}

impl Program {
    fn labels<const N: usize>(&mut self) -> [Label; N] {
        let first = self.places.len();
        self.places.resize(first + N, 0);
        std::array::from_fn(|index| Label(first + index))
    }

    fn place(&mut self, label: Label) {
        self.places[label.0] = self.length;
    }

    fn push(&mut self, step: Step) {
        self.length += step.length();
        self.steps.push(step);
    }

    fn op(&mut self, code: u16, operand: u32) {
        self.push(Step::Plain(code, operand));
    }

    fn jump(&mut self, label: Label) {
        self.push(Step::Jump(label));
    }

    fn when_equal(&mut self, value: u32, label: Label) {
        self.push(Step::If(JUMP_IF_EQUAL, value, label));
    }

    fn when_set(&mut self, bits: u32, label: Label) {
        self.push(Step::If(JUMP_IF_SET, bits, label));
    }

    fn load(&mut self, load: Load) {
        let (code, operand) = match load {
            Load::Word(offset) => (LOAD_WORD, offset),
            Load::Half(offset) => (LOAD_HALF, offset),
            Load::HalfIndexed(offset) => (LOAD_HALF_INDEXED, offset),
            Load::Scratch(cell) => (LOAD_SCRATCH, cell),
        };
        self.op(code, operand);
    }

    /// Goes to `accept` if one of the two ends, each an address and a port, is in the table.
    fn accept_either(&mut self, ports: &Ports, ends: &[(Vec<Load>, Load)], accept: Label) {
        for (address, port) in ends {
            for (words, ports) in &ports.0 {
                let [next] = self.labels();
                for (load, word) in address.iter().zip(words) {
                    let [same] = self.labels();
                    self.load(*load);
                    self.when_equal(*word, same);
                    self.jump(next);
                    self.place(same);
                }
                self.load(*port);
                for port in ports {
                    self.when_equal(u32::from(*port), accept);
                }
                self.place(next);
            }
        }
    }

    /// An ICMP message: it has the beginning of the packet that it is about.
    fn icmp(&mut self, of: &impl Fn(Protocol, bool) -> Ports, refuse: Label, accept: Label) {
        const ENCLOSED: u32 = ETHERNET_BYTES + ICMP_HEADER_BYTES;
        const SOURCE: u32 = 0;
        const DESTINATION: u32 = 1;
        const PROTOCOL: u32 = 2;
        let [error, tcp, udp] = self.labels();
        self.op(LOAD_HEADER_LENGTH, ETHERNET_BYTES);
        self.op(LOAD_BYTE_INDEXED, ETHERNET_BYTES);
        for kind in ICMP_ERRORS {
            self.when_equal(kind, error);
        }
        self.jump(refuse);
        self.place(error);
        self.op(LOAD_HALF_INDEXED, ENCLOSED + 6);
        self.when_set(FRAGMENT_OFFSET, refuse);
        // Put aside, because behind both headers X has another use.
        self.op(LOAD_WORD_INDEXED, ENCLOSED + 12);
        self.op(STORE, SOURCE);
        self.op(LOAD_WORD_INDEXED, ENCLOSED + 16);
        self.op(STORE, DESTINATION);
        self.op(LOAD_BYTE_INDEXED, ENCLOSED + 9);
        self.op(STORE, PROTOCOL);
        self.op(LOAD_BYTE_INDEXED, ENCLOSED);
        self.op(AND, 0x0f);
        self.op(SHIFT_LEFT, 2);
        self.op(ADD_X, 0);
        self.op(A_TO_X, 0);
        self.op(LOAD_SCRATCH, PROTOCOL);
        self.when_equal(TCP, tcp);
        self.when_equal(UDP, udp);
        self.jump(refuse);
        for (label, protocol) in [(tcp, Protocol::Tcp), (udp, Protocol::Udp)] {
            self.place(label);
            let ends = [
                (vec![Load::Scratch(SOURCE)], Load::HalfIndexed(ENCLOSED)),
                (
                    vec![Load::Scratch(DESTINATION)],
                    Load::HalfIndexed(ENCLOSED + 2),
                ),
            ];
            self.accept_either(&of(protocol, false), &ends, accept);
            self.jump(refuse);
        }
    }

    /// An IPv6 packet without extension headers, which loopback does not add by itself.
    fn ipv6(&mut self, of: &impl Fn(Protocol, bool) -> Ports, refuse: Label, accept: Label) {
        const TRANSPORT: u32 = ETHERNET_BYTES + IPV6_HEADER_BYTES;
        let [error] = self.labels();
        for (start, kinds) in [
            (ETHERNET_BYTES, [TCP, UDP, ICMPV6].as_slice()),
            (TRANSPORT + ICMP_HEADER_BYTES, [TCP, UDP].as_slice()),
        ] {
            let [tcp, udp, icmp] = self.labels();
            let labels = [tcp, udp, icmp];
            self.op(LOAD_BYTE, start + 6);
            for (kind, label) in kinds.iter().zip(labels) {
                self.when_equal(*kind, label);
            }
            self.jump(refuse);
            for (label, protocol) in [(tcp, Protocol::Tcp), (udp, Protocol::Udp)] {
                self.place(label);
                let words = |offset| (0..4).map(|n| Load::Word(start + offset + 4 * n)).collect();
                let port = |offset| Load::Half(start + IPV6_HEADER_BYTES + offset);
                let ends = [(words(8), port(0)), (words(24), port(2))];
                self.accept_either(&of(protocol, true), &ends, accept);
                self.jump(refuse);
            }
            if start == ETHERNET_BYTES {
                self.place(icmp);
                self.op(LOAD_BYTE, TRANSPORT);
                for kind in ICMPV6_ERRORS {
                    self.when_equal(kind, error);
                }
                self.jump(refuse);
                self.place(error);
            }
        }
    }

    fn assemble(&self) -> Vec<Instruction> {
        let plain = |code, operand| Instruction {
            code,
            if_true: 0,
            if_false: 0,
            operand,
        };
        // How far behind the instruction after `from`; labels are only ever ahead.
        let distance = |label: Label, from: usize| {
            u32::try_from(self.places[label.0] - (from + 1)).unwrap_or(u32::MAX)
        };
        let mut instructions = Vec::with_capacity(self.length);
        for step in &self.steps {
            let here = instructions.len();
            match *step {
                Step::Plain(code, operand) => instructions.push(plain(code, operand)),
                Step::Jump(label) => instructions.push(plain(JUMP, distance(label, here))),
                Step::If(code, operand, label) => {
                    instructions.push(Instruction {
                        if_false: 1,
                        ..plain(code, operand)
                    });
                    instructions.push(plain(JUMP, distance(label, here + 1)));
                }
            }
        }
        instructions
    }
}

impl Step {
    fn length(&self) -> usize {
        match self {
            Self::Plain(..) | Self::Jump(_) => 1,
            Self::If(..) => 2,
        }
    }
}
