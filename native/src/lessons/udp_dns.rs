//! Answers for the names of `wirebook.test`, as a DNS server that knows one zone does.

// ANCHOR: listing
use std::{sync::Arc, time::Duration};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, ResponseCode},
    rr::{LowerName, Name, RData, RecordSet, RecordType, RrKey},
    serialize::txt::Parser,
};
use tokio::{task::JoinSet, time::sleep};

use crate::tap::{io, net::UdpSocket};

/// The zone, as zone files are written (RFC 1035, 5).
const ZONE: &str = "
@     60 IN SOA   ns admin 1 3600 600 86400 60
@     60 IN NS    ns
@     60 IN A     192.0.2.1
@     60 IN AAAA  2001:db8::1
@     60 IN MX    10 mail
@     60 IN MX    20 backup
ns    60 IN A     127.0.0.1
www   60 IN CNAME wirebook.test.
ok    60 IN A     127.0.0.1
mail  60 IN A     192.0.2.25
backup 60 IN A    192.0.2.26
slow  60 IN A     192.0.2.2
";

/// How long `slow` keeps everybody waiting.
const SLOW: Duration = Duration::from_secs(2);

/// More than wait at once are answered without delay.
const MAX_SLOW: usize = 64;

/// An alias of an alias of ... this many at most.
const MAX_ALIASES: usize = 8;

/// The records of each name and type.
type Zone = std::collections::BTreeMap<RrKey, RecordSet>;

/// Answers each query; a slow answer gets a task of its own, so that the others need not wait.
pub async fn serve(socket: UdpSocket) -> io::Result<()> {
    let origin = Name::from_ascii("wirebook.test.").map_err(io::Error::other)?;
    let parser = Parser::new(ZONE, None, Some(origin));
    let (origin, zone) = parser.parse().map_err(io::Error::other)?;
    let slow_name = origin.prepend_label("slow").map_err(io::Error::other)?;

    let socket = Arc::new(socket);
    let mut slow = JoinSet::new();
    let mut buffer = [0; 4096];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        while slow.try_join_next().is_some() {} // forget those that have answered
        let Ok(query) = Message::from_vec(&buffer[..length]) else {
            continue; // what is not DNS gets no answer
        };
        if query.metadata.message_type != MessageType::Query {
            continue; // two servers that answer answers would never stop
        }
        let is_slow = query.queries.iter().any(|asked| asked.name == slow_name);
        let Ok(answer) = answer(&query, &origin, &zone).to_vec() else {
            continue;
        };
        if is_slow && slow.len() < MAX_SLOW {
            let socket = Arc::clone(&socket);
            slow.spawn(async move {
                sleep(SLOW).await;
                send(&socket, &answer, peer).await;
            });
        } else {
            send(&socket, &answer, peer).await;
        }
    }
}

async fn send(socket: &UdpSocket, answer: &[u8], peer: std::net::SocketAddr) {
    if let Err(error) = socket.send_to(answer, peer).await {
        println!("{peer}: {error}"); // the others are still served
    }
}

/// The answer repeats the id and the question, so that the asker knows what it belongs to.
fn answer(query: &Message, origin: &Name, zone: &Zone) -> Message {
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.edns = query.edns.as_ref().map(|_| Edns::new()); // RFC 6891, 7
    answer.metadata.response_code = match query.queries.as_slice() {
        _ if query.metadata.op_code != OpCode::Query => ResponseCode::NotImp,
        [asked] => {
            answer.add_query(asked.clone());
            if origin.zone_of(&asked.name) {
                look_up(
                    asked.name.clone(),
                    asked.query_type,
                    origin,
                    zone,
                    &mut answer,
                )
            } else {
                ResponseCode::Refused // not our zone, and we ask nobody else
            }
        }
        _ => ResponseCode::FormErr, // one question at a time
    };
    answer
}

fn look_up(
    mut name: Name,
    kind: RecordType,
    origin: &Name,
    zone: &Zone,
    answer: &mut Message,
) -> ResponseCode {
    let records = |name: &Name, kind| zone.get(&RrKey::new(LowerName::new(name), kind));
    answer.metadata.authoritative = true;
    // A name that is an alias: add that, and go on with what it stands for (RFC 1034, 4.3.2).
    while let Some(alias) = records(&name, RecordType::CNAME) {
        answer.add_answers(alias.records_without_rrsigs().cloned());
        match alias.record().map(|record| &record.data) {
            // A zone whose aliases go in circles does not keep us here.
            Some(RData::CNAME(target))
                if kind != RecordType::CNAME && answer.answers.len() < MAX_ALIASES =>
            {
                name = target.0.clone();
            }
            _ => return ResponseCode::NoError,
        }
    }
    if let Some(found) = records(&name, kind) {
        answer.add_answers(found.records_without_rrsigs().cloned());
        return ResponseCode::NoError;
    }
    // Nothing: the SOA record says for how long that may be remembered (RFC 2308, 3).
    if let Some(start) = records(origin, RecordType::SOA) {
        answer.add_authorities(start.records_without_rrsigs().cloned());
    }
    let name = LowerName::new(&name);
    match zone.keys().any(|key| *key.name() == name) {
        true => ResponseCode::NoError, // the name is there, with records of other types
        false => ResponseCode::NXDomain,
    }
}
// ANCHOR_END: listing
