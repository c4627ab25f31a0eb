//! Reading the TOML of an exhibit: a captured packet, or addresses to classify.

use std::path::Path;

use sha2::{Digest, Sha256};
use toml::de::DeTable;
use wire::classify::{Class, classify};
use wire::dissect::{self, Field};
use wire::exhibit::{Exhibit, Find, Shows, Wanted};
use wire::text::from_hex;

use super::reader::{Reader, Value};
use crate::fence::{ADDRESS, Fence};
use crate::problem::Finding;

/// Where captured packets are, from the top of the repository.
const PACKETS: &str = "book/packets";

/// Reads a block, and the line that names it; `None` if anything was wrong, which `findings` tells.
pub(crate) fn parse(
    fence: &Fence,
    repository: &Path,
    findings: &mut Vec<Finding>,
) -> Option<(Exhibit, usize)> {
    let before = findings.len();
    let exhibit = Reader { fence, findings }.exhibit(repository);
    exhibit.filter(|_| findings.len() == before)
}

impl Reader<'_> {
    fn exhibit(&mut self, repository: &Path) -> Option<(Exhibit, usize)> {
        let body = self.fence.body.clone();
        let table = self.table(&body)?;
        let table = table.get_ref();
        let is_address = self.fence.language == ADDRESS;
        let (shown, of) = match is_address {
            true => ("examples", "an address exhibit"),
            false => ("file", "a packet exhibit"),
        };
        self.only(table, &["name", "title", shown, "find"], of);
        let line = self.fence.line;
        let name = self.required(table, "name", line, "`name = \"...\"`");
        let name = name.and_then(|value| self.name(value));
        let title = self.required(table, "title", line, "`title = \"...\"`");
        let title = title.and_then(|value| self.text("title", value).map(str::to_owned));
        let expected = format!("`{shown} = ...`");
        let shows = self.required(table, shown, line, &expected);
        let shows = shows.and_then(|value| match is_address {
            true => self.examples(value),
            false => self.packet(repository, value),
        })?;
        let finds = self.required(table, "find", line, "at least one `[[find]]`");
        let finds = finds.and_then(|value| {
            self.tables("[[find]]", Some(value), |reader, table, line| {
                reader.find(&shows, table, line)
            })
        });
        let (name, name_line) = name?;
        let (finds, paths): (Vec<_>, Vec<_>) = finds?.into_iter().unzip();
        let exhibit = Exhibit {
            hash: hash(&name, &paths),
            name,
            title: title?,
            shows,
            finds,
        };
        Some((exhibit, name_line))
    }

    /// Something to find, and what it is in words that do not change with its wording.
    fn find(&mut self, shows: &Shows, table: &DeTable<'_>, line: usize) -> Option<(Find, String)> {
        let key = match shows {
            Shows::Packet { .. } => "field",
            Shows::Address { .. } => "class",
        };
        self.only(table, &["say", key], "a find");
        let say = self.sentence(table, "say", line, "find");
        let expected = format!("`{key} = \"...\"` in this find");
        let value = self.required(table, key, line, &expected);
        let wanted = value.and_then(|value| match shows {
            Shows::Packet { fields, .. } => self.field(fields, value),
            Shows::Address { .. } => {
                let classes = self.list(Some(value), |reader, value| {
                    reader.word("class", &Class::ALL, value)
                })?;
                let words: Vec<_> = classes.iter().map(|class| class.word()).collect();
                let words = words.join(" ");
                Some((Wanted::Classes(classes), words))
            }
        });
        let say = say?;
        let (wanted, path) = wanted?;
        Some((Find { say, wanted }, path))
    }

    fn field(&mut self, fields: &[Field], value: &Value<'_>) -> Option<(Wanted, String)> {
        let path = self.text("field", value)?;
        let place = dissect::place(fields, path).and_then(|place| u32::try_from(place).ok());
        if place.is_none() {
            let known: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
            let known = known.join(", ");
            self.problem(
                &value.span(),
                format!(
                    "expected a field of this packet ({known}, or a part as in \
                     `{} / PART`), found `{path}`",
                    fields.first().map_or("", |field| &field.name)
                ),
            );
        }
        Some((Wanted::Field(place?), path.to_owned()))
    }

    fn packet(&mut self, repository: &Path, value: &Value<'_>) -> Option<Shows> {
        let name = self.text("file", value)?;
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let file = format!("{PACKETS}/{name}.hex");
        let text = match name.bytes().all(is_plain) {
            true => std::fs::read_to_string(repository.join(&file)).map_err(|e| e.to_string()),
            false => Err("a name of another kind".to_owned()),
        };
        let bytes = text.and_then(|text| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            from_hex(&lines.collect::<Vec<_>>().join(" ")).map_err(|error| error.to_string())
        });
        match bytes {
            Ok(bytes) => Some(Shows::Packet {
                fields: dissect::packet(&bytes),
                bytes,
            }),
            Err(error) => {
                self.problem(
                    &value.span(),
                    format!("expected the name of a packet in {PACKETS}, found `{name}`: {error}"),
                );
                None
            }
        }
    }

    fn examples(&mut self, value: &Value<'_>) -> Option<Shows> {
        let examples = self.list(Some(value), |reader, value| {
            let example = reader.text("examples", value)?;
            if let Err(problem) = classify(example) {
                reader.problem(
                    &value.span(),
                    format!("expected an address or a port, found `{example}`: {problem}"),
                );
                return None;
            }
            Some(example.to_owned())
        })?;
        Some(Shows::Address { examples })
    }
}

fn hash(name: &str, paths: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(name);
    for path in paths {
        hash.update([0]);
        hash.update(path);
    }
    let hash = hash.finalize();
    let digits = hash.iter().take(8).map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence;

    /// The top of the repository.
    const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    const PACKET: &str = "```packet\nname = \"one\"\ntitle = \"One\"\nfile = \"tcp_ok\"\n\
                          [[find]]\nsay = \"Find it.\"\nfield = \"IPv4 / Time to Live\"\n```\n";

    const CLASSES: &str = "```address\nname = \"two\"\ntitle = \"Two\"\n\
                           examples = [\"::1\", \"127.0.0.1:80\"]\n\
                           [[find]]\nsay = \"Find it.\"\nclass = [\"ipv6\", \"loopback\"]\n```\n";

    fn read(chapter: &str) -> Result<Exhibit, Vec<(usize, String)>> {
        let mut findings = Vec::new();
        let fences = fence::find_exhibits(chapter, &mut findings);
        let exhibit = parse(&fences[0], Path::new(REPOSITORY), &mut findings);
        let told = |finding: Finding| (finding.line, finding.text);
        exhibit
            .map(|(exhibit, _)| exhibit)
            .ok_or_else(|| findings.into_iter().map(told).collect())
    }

    #[test]
    fn a_packet_is_dissected_and_its_field_found() {
        let exhibit = read(PACKET).unwrap();
        let Shows::Packet { bytes, fields } = &exhibit.shows else {
            panic!("{exhibit:?}");
        };
        assert!(bytes.ends_with(b"hello"));
        assert_eq!(fields[1].name, "IPv4");
        assert!(matches!(exhibit.finds[0].wanted, Wanted::Field(place) if place > 4));
        let reworded = read(&PACKET.replace("Find it", "Look for it")).unwrap();
        assert_eq!(reworded.hash, exhibit.hash);
    }

    #[test]
    fn addresses_are_found_by_all_their_classes() {
        let exhibit = read(CLASSES).unwrap();
        let wanted = Wanted::Classes(vec![Class::V6, Class::Loopback]);
        assert_eq!(exhibit.finds[0].wanted, wanted);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let check = |chapter: String, line: usize, expected: &str| {
            let problems = read(&chapter).unwrap_err();
            let found = problems
                .iter()
                .any(|(at, text)| *at == line && text.contains(expected));
            assert!(found, "{problems:?}");
        };
        check(
            PACKET.replace("Time to", "Time"),
            7,
            "expected a field of this packet (Ethernet, IPv4",
        );
        check(
            PACKET.replace("\"tcp_ok\"", "\"nothing\""),
            4,
            "expected the name of a packet",
        );
        check(
            PACKET.replace("\"tcp_ok\"", "\"../go/go\""),
            4,
            "expected the name of a packet",
        );
        check(PACKET.replace("say =", "tell ="), 6, "found `tell`");
        check(
            CLASSES.replace("::1", "::g"),
            4,
            "expected an address or a port, found `::g`",
        );
        check(
            CLASSES.replace("\"loopback\"", "\"local\""),
            7,
            "expected one of ipv4",
        );
        check(
            CLASSES.replace("title = \"Two\"\n", ""),
            1,
            "expected `title",
        );
    }
}
