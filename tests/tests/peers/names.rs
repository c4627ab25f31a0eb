//! Names: resolvers that know nothing of Wirebook, against its DNS server and the one in Go.

use std::time::Duration;

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use wirebook_tests::requirements::met;

use crate::go_clients::story;
use crate::go_servers::start;
use crate::observer::Observer;
use crate::program::{Program, go_client};

/// How long an answer may take; the slow one takes two seconds.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_resolver_of_go_works_unmodified() -> Result<()> {
    story("udp_dns", async |mut client, observer| {
        for (name, answer) in [
            ("wirebook.test", "[192.0.2.1]"),
            ("www.wirebook.test", "[192.0.2.1]"),
            ("ok.wirebook.test", "[127.0.0.1]"),
            ("nobody.wirebook.test", "no such name"),
            ("slow.wirebook.test", "no answer in time"),
        ] {
            client.types(&format!("{name}\n")).await?;
            assert_eq!(client.prints().await?, answer, "{name}");
        }
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                r#"server receive "\x08wirebook\x04test\x00""#,
                r#"server send "\xc0\x00\x02\x01""#,
                r#"server receive "\x06nobody""#,
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn dig_works_unmodified() -> Result<()> {
    if !met("dig") {
        return Ok(());
    }
    let mut observer = Observer::of("udp_dns").await?;
    let port = observer.address().port().to_string();
    let ask = |name, kind| {
        let arguments = [
            "@127.0.0.1",
            "-p",
            &port,
            "+noall",
            "+answer",
            "+comments",
            name,
            kind,
        ];
        Program::start("dig", &arguments)
    };
    for (name, kind, expected) in [
        (
            "www.wirebook.test",
            "AAAA",
            ["status: NOERROR", "2001:db8::1"],
        ),
        (
            "wirebook.test",
            "MX",
            ["flags: qr aa rd", "10 mail.wirebook.test."],
        ),
        (
            "nobody.wirebook.test",
            "A",
            ["status: NXDOMAIN", "AUTHORITY: 1"],
        ),
        ("example.com", "A", ["status: REFUSED", "ANSWER: 0"]),
    ] {
        let mut dig = ask(name, kind)?;
        let mut output = String::new();
        while let Ok(line) = dig.prints().await {
            output.push_str(&line);
            output.push('\n');
        }
        for expected in expected {
            assert!(
                output.contains(expected),
                "{name} {kind}: {expected} is not in\n{output}"
            );
        }
        assert!(!output.to_lowercase().contains("malformed"), "{output}");
    }
    observer.sees(&[r#"server receive "\x03www""#]).await?;
    observer.has_seen_an_outside_client()
}

/// What the Go server of the lesson answers to a query for `name`.
async fn answer(client: &UdpSocket, name: &str, kind: &str) -> Result<Vec<String>> {
    client.send(&wire::dns::query(7, name, kind)?).await?;
    let mut buffer = [0; 512];
    let length = timeout(PATIENCE, client.recv(&mut buffer)).await??;
    let fields = wire::dissect::dns(&buffer[..length]);
    let code = fields[0].parts[1]
        .parts
        .last()
        .map(|flag| flag.value.clone());
    let records = fields.iter().skip(2).map(|record| record.value.clone());
    Ok(code.into_iter().chain(records).collect())
}

#[tokio::test]
async fn the_server_in_go_answers_as_ours_does() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (_server, address) = start("udp_dns").await?;
    let client = UdpSocket::bind("127.0.0.1:0").await?;
    client.connect(address).await?;
    for (name, kind, expected) in [
        (
            "wirebook.test",
            "A",
            vec!["0 NOERROR", "wirebook.test A 192.0.2.1"],
        ),
        (
            "ok.wirebook.test",
            "A",
            vec!["0 NOERROR", "ok.wirebook.test A 127.0.0.1"],
        ),
        (
            "slow.wirebook.test",
            "A",
            vec!["0 NOERROR", "slow.wirebook.test A 192.0.2.2"],
        ),
        ("mail.wirebook.test", "AAAA", vec!["0 NOERROR"]),
        ("nobody.wirebook.test", "A", vec!["3 NXDOMAIN"]),
    ] {
        assert_eq!(
            answer(&client, name, kind).await?,
            expected,
            "{name} {kind}"
        );
    }
    // What is no query gets no answer, and does no harm.
    for noise in [&b""[..], b"noise", &[0xff; 64], &[0; 16]] {
        client.send(noise).await?;
    }
    assert_eq!(answer(&client, "wirebook.test", "A").await?[0], "0 NOERROR");
    Ok(())
}

#[tokio::test]
async fn go_classifies_addresses_as_the_book_does() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let mut go = Program::start(go_client("classify")?, &[])?;
    for address in [
        "0.0.0.0",
        "127.0.0.1",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "169.254.1.1",
        "224.0.0.251",
        "::",
        "::1",
        "fe80::1",
        "ff02::fb",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
    ] {
        let ours = wire::classify::classify(address).map_err(anyhow::Error::msg)?;
        let words: Vec<_> = ours.facts.iter().map(|fact| fact.class.word()).collect();
        go.types(&format!("{address}\n")).await?;
        assert_eq!(go.prints().await?, words.join(" "), "{address}");
    }
    for text in ["localhost", "127.1", "256.0.0.1", "127.0.0.01"] {
        assert!(wire::classify::classify(text).is_err());
        go.types(&format!("{text}\n")).await?;
        assert_eq!(go.prints().await?, "no address", "{text}");
    }
    go.end_input();
    go.ends().await
}
