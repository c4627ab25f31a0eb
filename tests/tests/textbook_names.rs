//! The DNS server as a reader pastes it into a project of their own: the same file, with tokio's
//! socket where the gateway has a watched one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../native/src/lessons/udp_dns.rs"]
pub mod udp_dns;

/// What a lesson imports from: here, tokio itself.
mod tap {
    pub(crate) use tokio::{io, net};
}

use std::io;
use std::time::Duration;

use tokio::net::UdpSocket;

/// Longer than any story takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a server that speaks DNS answers: its code, and for each record what it says.
async fn ask(client: &UdpSocket, name: &str, kind: &str) -> io::Result<(String, Vec<String>)> {
    let query = wire::dns::query(7, name, kind).map_err(io::Error::other)?;
    client.send(&query).await?;
    let mut buffer = [0; 512];
    let length = client.recv(&mut buffer).await?;
    let fields = wire::dissect::dns(&buffer[..length]);
    let (header, sections) = fields.split_first().unwrap();
    assert_eq!(
        (header.parts[0].value.as_str(), &buffer[..2]),
        ("7", &query[..2])
    );
    let flags = &header.parts[1].parts;
    let code = flags.iter().find(|flag| flag.name == "RCODE").unwrap();
    let records = sections
        .iter()
        .filter(|field| !field.name.starts_with("Question"));
    let records = records.map(|field| format!("{}: {}", field.name, field.value));
    Ok((code.value.clone(), records.collect()))
}

#[tokio::test]
async fn udp_dns_answers_for_its_zone_alone() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = tokio::spawn(udp_dns::serve(socket));
    let start = "wirebook.test SOA ns.wirebook.test";
    let story = async {
        let client = UdpSocket::bind("127.0.0.1:0").await?;
        client.connect(address).await?;
        for (name, kind, code, records) in [
            (
                "wirebook.test",
                "A",
                "0 NOERROR",
                vec!["Answer 1: wirebook.test A 192.0.2.1"],
            ),
            (
                "WireBook.Test",
                "AAAA",
                "0 NOERROR",
                vec!["Answer 1: wirebook.test AAAA 2001:db8::1"],
            ),
            (
                "www.wirebook.test",
                "A",
                "0 NOERROR",
                vec![
                    "Answer 1: www.wirebook.test CNAME wirebook.test",
                    "Answer 2: wirebook.test A 192.0.2.1",
                ],
            ),
            (
                "www.wirebook.test",
                "CNAME",
                "0 NOERROR",
                vec!["Answer 1: www.wirebook.test CNAME wirebook.test"],
            ),
            (
                "wirebook.test",
                "MX",
                "0 NOERROR",
                vec![
                    "Answer 1: wirebook.test MX 10 mail.wirebook.test",
                    "Answer 2: wirebook.test MX 20 backup.wirebook.test",
                ],
            ),
            (
                "mail.wirebook.test",
                "AAAA",
                "0 NOERROR",
                vec![&format!("Authority 1: {start}")],
            ),
            (
                "nobody.wirebook.test",
                "A",
                "3 NXDOMAIN",
                vec![&format!("Authority 1: {start}")],
            ),
            ("example.com", "A", "5 REFUSED", vec![]),
        ] {
            let (found_code, found) = ask(&client, name, kind).await?;
            assert_eq!(
                (found_code.as_str(), found),
                (
                    code,
                    records.iter().map(|record| (*record).to_owned()).collect()
                )
            );
        }
        // Neither noise nor an answer is answered; the next query is.
        client.send(b"noise").await?;
        client.send(b"\0\x07\x80\0\0\0\0\0\0\0\0\0").await?;
        assert_eq!(ask(&client, "ok.wirebook.test", "A").await?.0, "0 NOERROR");
        io::Result::Ok(())
    };
    let told = tokio::time::timeout(DEADLINE, story).await;
    told.expect("the story takes too long").unwrap();
    assert!(!server.is_finished());
    server.abort();
}
