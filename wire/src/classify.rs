//! What kind of address or port something is, and by which rule.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// One thing that is true of an address or a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// IPv4: 4 bytes.
    V4,
    /// IPv6: 16 bytes.
    V6,
    /// No address yet, or every address of this machine.
    Unspecified,
    /// This machine itself.
    Loopback,
    /// For networks that are not part of the Internet.
    Private,
    /// Between a provider and its customers.
    Shared,
    /// This cable only.
    LinkLocal,
    /// Private, in IPv6.
    UniqueLocal,
    /// A group of machines.
    Multicast,
    /// Every machine on this cable.
    Broadcast,
    /// For books such as this one.
    Documentation,
    /// An IPv4 address inside an IPv6 one.
    Mapped,
    /// Set aside, for other uses or for the future.
    Reserved,
    /// A machine on the Internet may have it.
    Global,
    /// 0 to 1023.
    SystemPort,
    /// 1024 to 49151.
    UserPort,
    /// 49152 to 65535.
    DynamicPort,
}

impl Class {
    /// Every class, with the word for it.
    pub const ALL: [(Self, &'static str); 17] = [
        (Self::V4, "ipv4"),
        (Self::V6, "ipv6"),
        (Self::Unspecified, "unspecified"),
        (Self::Loopback, "loopback"),
        (Self::Private, "private"),
        (Self::Shared, "shared"),
        (Self::LinkLocal, "link-local"),
        (Self::UniqueLocal, "unique-local"),
        (Self::Multicast, "multicast"),
        (Self::Broadcast, "broadcast"),
        (Self::Documentation, "documentation"),
        (Self::Mapped, "mapped"),
        (Self::Reserved, "reserved"),
        (Self::Global, "global"),
        (Self::SystemPort, "system-port"),
        (Self::UserPort, "user-port"),
        (Self::DynamicPort, "dynamic-port"),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(class, _)| *class == self);
        found.map_or("", |(_, word)| word)
    }
}

/// A class and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What is true.
    pub class: Class,
    /// The range it follows from, e.g. `10.0.0.0/8`.
    pub range: &'static str,
    /// What that means.
    pub meaning: &'static str,
    /// Where it is written.
    pub source: &'static str,
}

/// An address, a port, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// The address as it is written shortest; empty if there is only a port.
    pub written: String,
    /// The bytes of the address, then those of the port, as they travel.
    pub bytes: Vec<u8>,
    /// What is true of them.
    pub facts: Vec<Fact>,
}

const fn fact(
    class: Class,
    range: &'static str,
    meaning: &'static str,
    source: &'static str,
) -> Fact {
    Fact {
        class,
        range,
        meaning,
        source,
    }
}

/// First bytes, how many bits of them count, and what follows. The first that fits wins.
type Rule = (&'static [u8], u32, Fact);

const V4_RULES: [Rule; 15] = [
    (
        &[0, 0, 0, 0],
        32,
        fact(
            Class::Unspecified,
            "0.0.0.0",
            "a server that binds it listens on every address of its machine",
            "RFC 1122, 3.2.1.3",
        ),
    ),
    (
        &[0],
        8,
        fact(
            Class::Reserved,
            "0.0.0.0/8",
            "this network; no destination",
            "RFC 1122, 3.2.1.3",
        ),
    ),
    (
        &[127],
        8,
        fact(
            Class::Loopback,
            "127.0.0.0/8",
            "this machine itself; it never leaves it",
            "RFC 1122, 3.2.1.3",
        ),
    ),
    (
        &[10],
        8,
        fact(
            Class::Private,
            "10.0.0.0/8",
            "any network may use it inside; no router on the Internet knows it",
            "RFC 1918, 3",
        ),
    ),
    (
        &[172, 16],
        12,
        fact(
            Class::Private,
            "172.16.0.0/12",
            "any network may use it inside; no router on the Internet knows it",
            "RFC 1918, 3",
        ),
    ),
    (
        &[192, 168],
        16,
        fact(
            Class::Private,
            "192.168.0.0/16",
            "any network may use it inside; no router on the Internet knows it",
            "RFC 1918, 3",
        ),
    ),
    (
        &[100, 64],
        10,
        fact(
            Class::Shared,
            "100.64.0.0/10",
            "between a provider that shares its addresses and its customers",
            "RFC 6598, 7",
        ),
    ),
    (
        &[169, 254],
        16,
        fact(
            Class::LinkLocal,
            "169.254.0.0/16",
            "chosen by the machine itself; for this cable only",
            "RFC 3927, 2.1",
        ),
    ),
    (
        &[192, 0, 2],
        24,
        fact(
            Class::Documentation,
            "192.0.2.0/24",
            "for examples; nobody has it",
            "RFC 5737, 3",
        ),
    ),
    (
        &[198, 51, 100],
        24,
        fact(
            Class::Documentation,
            "198.51.100.0/24",
            "for examples; nobody has it",
            "RFC 5737, 3",
        ),
    ),
    (
        &[203, 0, 113],
        24,
        fact(
            Class::Documentation,
            "203.0.113.0/24",
            "for examples; nobody has it",
            "RFC 5737, 3",
        ),
    ),
    (
        &[198, 18],
        15,
        fact(
            Class::Reserved,
            "198.18.0.0/15",
            "for measuring network devices",
            "RFC 2544, C.2.2",
        ),
    ),
    (
        &[224],
        4,
        fact(
            Class::Multicast,
            "224.0.0.0/4",
            "everybody who has joined this group",
            "RFC 1112, 4",
        ),
    ),
    (
        &[255, 255, 255, 255],
        32,
        fact(
            Class::Broadcast,
            "255.255.255.255",
            "everybody on this cable",
            "RFC 919, 7",
        ),
    ),
    (
        &[240],
        4,
        fact(
            Class::Reserved,
            "240.0.0.0/4",
            "for the future",
            "RFC 1112, 4",
        ),
    ),
];

const V6_RULES: [Rule; 8] = [
    (
        &[0; 16],
        128,
        fact(
            Class::Unspecified,
            "::",
            "a server that binds it listens on every address of its machine",
            "RFC 4291, 2.5.2",
        ),
    ),
    (
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        128,
        fact(
            Class::Loopback,
            "::1",
            "this machine itself; it never leaves it",
            "RFC 4291, 2.5.3",
        ),
    ),
    (
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        96,
        fact(
            Class::Mapped,
            "::ffff:0:0/96",
            "an IPv4 address as a program for IPv6 sees it",
            "RFC 4291, 2.5.5.2",
        ),
    ),
    (
        &[0xfe, 0x80],
        10,
        fact(
            Class::LinkLocal,
            "fe80::/10",
            "every network card has one; for this cable only",
            "RFC 4291, 2.5.6",
        ),
    ),
    (
        &[0xfc],
        7,
        fact(
            Class::UniqueLocal,
            "fc00::/7",
            "any network may use it inside; no router on the Internet knows it",
            "RFC 4193, 3",
        ),
    ),
    (
        &[0xff],
        8,
        fact(
            Class::Multicast,
            "ff00::/8",
            "everybody who has joined this group",
            "RFC 4291, 2.7",
        ),
    ),
    (
        &[0x20, 0x01, 0x0d, 0xb8],
        32,
        fact(
            Class::Documentation,
            "2001:db8::/32",
            "for examples; nobody has it",
            "RFC 3849, 2",
        ),
    ),
    (
        &[0x20],
        3,
        fact(
            Class::Global,
            "2000::/3",
            "a machine on the Internet may have it",
            "RFC 3587, 3",
        ),
    ),
];

const V4_GLOBAL: Fact = fact(
    Class::Global,
    "all else",
    "a machine on the Internet may have it",
    "RFC 6890, 2.2.2",
);
const V6_RESERVED: Fact = fact(
    Class::Reserved,
    "all else",
    "not given out: of the addresses for the Internet, only those in 2000::/3 are",
    "RFC 3587, 3",
);

const V4_FAMILY: Fact = fact(
    Class::V4,
    "4 bytes",
    "four numbers from 0 to 255",
    "RFC 791, 2.3",
);
const V6_FAMILY: Fact = fact(
    Class::V6,
    "16 bytes",
    "eight groups of four hexadecimal digits; :: stands for groups of zeros",
    "RFC 4291, 2.2",
);

const PORTS: [(u16, Fact); 3] = [
    (
        1023,
        fact(
            Class::SystemPort,
            "0–1023",
            "given out for well-known services; on many systems only the administrator may listen there",
            "RFC 6335, 6",
        ),
    ),
    (
        49151,
        fact(
            Class::UserPort,
            "1024–49151",
            "given out for services too",
            "RFC 6335, 6",
        ),
    ),
    (
        65535,
        fact(
            Class::DynamicPort,
            "49152–65535",
            "given out to nobody: for the client's end of a connection",
            "RFC 6335, 6",
        ),
    ),
];

/// The longest text that is looked at, in bytes.
const MAX_BYTES: usize = 64;

/// What is known of `192.0.2.1`, `192.0.2.1:80`, `::1`, `[::1]:80` or `:80`; otherwise a sentence
/// that says what is wrong.
pub fn classify(text: &str) -> Result<Classified, &'static str> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return Err("No address is so long.");
    }
    let (address, port) = split(text);
    let mut classified = Classified {
        written: String::new(),
        bytes: Vec::new(),
        facts: Vec::new(),
    };
    if !address.is_empty() || port.is_none() {
        match address.parse() {
            Ok(IpAddr::V4(address)) => classified.add_v4(address),
            Ok(IpAddr::V6(address)) => classified.add_v6(address),
            Err(_) => return Err(problem(address)),
        }
    }
    if let Some(port) = port {
        // parse would take a sign, which no port has.
        let is_number = port.bytes().all(|digit| digit.is_ascii_digit());
        let Some(port) = port.parse::<u16>().ok().filter(|_| is_number) else {
            return Err("A port is a number from 0 to 65535: it has two bytes.");
        };
        classified.bytes.extend(port.to_be_bytes());
        let found = PORTS.iter().find(|(last, _)| port <= *last);
        classified.facts.extend(found.map(|(_, fact)| *fact));
    }
    Ok(classified)
}

/// The address and the text behind the colon that ends it.
fn split(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((address, "")) => (address, None),
            Some((address, rest)) if rest.starts_with(':') => (address, Some(&rest[1..])),
            _ => (text, None),
        };
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => (address, Some(port)),
        _ => (text, None),
    }
}

/// What is wrong with what is no address.
fn problem(text: &str) -> &'static str {
    let is_decimal = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    if text.is_empty() {
        "Type an address, such as 192.0.2.1, [::1]:9090 or :80."
    } else if text.contains('%') {
        "What follows % names a network card of one machine (RFC 4007, 11); leave it out here."
    } else if is_decimal(text) && text.split('.').count() == 4 {
        "Each of the four numbers is from 0 to 255, without zeros in front."
    } else if is_decimal(text) {
        "An IPv4 address has four numbers with dots between. Some programs take fewer; do not rely on it."
    } else if text.contains(':') {
        "An IPv6 address has eight groups of hexadecimal digits, or :: once in place of zeros."
    } else {
        "This is a name, or no address at all: a name must be looked up first."
    }
}

impl Classified {
    fn add_v4(&mut self, address: Ipv4Addr) {
        let bytes = address.octets();
        self.written = address.to_string();
        self.bytes.extend(bytes);
        self.facts.push(V4_FAMILY);
        self.facts.push(by_rule(&V4_RULES, &bytes, V4_GLOBAL));
    }

    fn add_v6(&mut self, address: Ipv6Addr) {
        let bytes = address.octets();
        self.written = address.to_string();
        self.bytes.extend(bytes);
        self.facts.push(V6_FAMILY);
        self.facts.push(by_rule(&V6_RULES, &bytes, V6_RESERVED));
        if let Some(inner) = address.to_ipv4_mapped() {
            self.facts
                .push(by_rule(&V4_RULES, &inner.octets(), V4_GLOBAL));
        }
    }

    /// Whether all of these are true of it.
    pub fn is_all(&self, classes: &[Class]) -> bool {
        let is = |class: &Class| self.facts.iter().any(|fact| fact.class == *class);
        classes.iter().all(is)
    }
}

fn by_rule(rules: &[Rule], bytes: &[u8], otherwise: Fact) -> Fact {
    let fits = |(start, bits, _): &&Rule| {
        (0..*bits).all(|bit| {
            let byte = bit as usize / 8;
            let differs = start.get(byte).copied().unwrap_or(0) ^ bytes[byte];
            differs >> (7 - bit % 8) & 1 == 0
        })
    };
    rules
        .iter()
        .find(fits)
        .map_or(otherwise, |(_, _, fact)| *fact)
}
