//! The program runs out of file descriptors.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::session::Asked;
use wirebook_tests::gateway::{address_of, until};
use wirebook_tests::serving::{self, Serving};
use wirebook_tests::session::{self, Session};

use super::{echoes, get, is_ended};

/// What the program may open once it runs.
const MORE_DESCRIPTORS: usize = 40;

/// Far more than that; still, all of them fit into a listener's backlog.
const CLIENTS: usize = 120;

const WORDS: &str = "no file descriptors left";

/// A program without a free descriptor, a page that was there before, and the clients that have
/// the descriptors, most of them still waiting to be accepted.
struct Exhausted {
    serving: Serving,
    /// Descriptors that it had open before.
    idle: usize,
    page: Session,
    clients: Vec<TcpStream>,
}

/// As many other programs as the program has no descriptors for.
async fn clients_of(page: &Session, lesson: &str) -> Result<Vec<TcpStream>> {
    let address = address_of(&page.welcome().servers, lesson)?;
    let mut clients = Vec::new();
    while clients.len() < CLIENTS {
        clients.push(TcpStream::connect(address).await?);
    }
    Ok(clients)
}

impl Exhausted {
    async fn by(lesson: &str) -> Result<Self> {
        let serving = Serving::start()?;
        let mut page = serving.session().await?;
        page.watch(lesson).await?;
        let idle = serving.process().descriptors()?;
        serving.process().limit_descriptors(MORE_DESCRIPTORS)?;
        let clients = clients_of(&page, lesson).await?;
        until(|| Ok(serving.log().iter().any(|line| line.contains(WORDS)))).await?;
        Ok(Self {
            serving,
            idle,
            page,
            clients,
        })
    }

    /// What the log says of it.
    fn said(&self) -> usize {
        let log = self.serving.log();
        log.iter().filter(|line| line.contains(WORDS)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_served_go_on_and_others_hear_why() -> Result<()> {
    let serving = Serving::start()?;
    let mut page = serving.session().await?;
    let id = page.open("tcp_echo").await?;
    page.watch("tcp_silent").await?;
    echoes(&mut page, id, "before").await?;
    let idle = serving.process().descriptors()?;
    serving.process().limit_descriptors(MORE_DESCRIPTORS)?;
    let mut clients = clients_of(&page, "tcp_silent").await?;
    page.until(|event| event.action.verb() == "error" && event.connection.is_none())
        .await?;

    echoes(&mut page, id, "while there are none").await?;
    let refused = page.try_open("tcp_echo").await?;
    let Err(refused) = refused else {
        anyhow::bail!("a connection was opened without a descriptor");
    };
    assert!(matches!(refused.what, Asked::Open(_)));
    assert!(refused.why.contains(WORDS), "{}", refused.why);
    let answer = get(&serving, "/").await?;
    assert_eq!(answer.status(), Some(503), "{}", answer.head());
    assert!(String::from_utf8_lossy(answer.body()).contains(WORDS));
    assert!(answer.field("content-security-policy").is_some());
    assert!(session::connect(serving.address()?).await.is_err());

    // Once they are free again everything is as before.
    clients.truncate(MORE_DESCRIPTORS / 2);
    let accepted = |session: &Session| {
        let accepts = session.observed().iter();
        let count = accepts
            .filter(|event| event.action.verb() == "accept")
            .count();
        (count >= CLIENTS).then_some(())
    };
    page.when(accepted).await?;
    serving
        .process()
        .settles_at(idle + MORE_DESCRIPTORS / 2)
        .await?;
    assert_eq!(get(&serving, "/").await?.status(), Some(200));
    let mut other = serving.session().await?;
    let other_id = other.open("tcp_echo").await?;
    echoes(&mut other, other_id, "after").await?;
    echoes(&mut page, id, "after").await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_said_once_and_waited_out_in_peace() -> Result<()> {
    const WATCHED: Duration = Duration::from_secs(2);
    let mut exhausted = Exhausted::by("tcp_silent").await?;
    let process = exhausted.serving.process();
    let (before, start) = (process.cpu_time()?, Instant::now());
    while start.elapsed() < WATCHED {
        // Whoever asks is answered, which is no news either.
        let status = get(&exhausted.serving, "/").await?.status();
        ensure!(status == Some(503), "{status:?}");
        tokio::time::sleep(WATCHED / 10).await;
    }
    let busy = process.cpu_time()? - before;
    // A loop that asks again and again would take all that it can have.
    assert!(busy < WATCHED / 4, "{busy:?} of {:?}", start.elapsed());
    assert_eq!(exhausted.said(), 1, "{:?}", exhausted.serving.log());
    exhausted.page.answered().await?;
    let failures = (exhausted.page.observed().iter())
        .filter(|event| event.action.verb() == "error")
        .count();
    assert_eq!(failures, 1, "the page is told once as well");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_polls_turns_away_and_goes_on() -> Result<()> {
    let exhausted = Exhausted::by("count_poll").await?;
    let Exhausted {
        serving,
        idle,
        mut page,
        mut clients,
    } = exhausted;
    // The last one came when there was no descriptor.
    let mut last = clients.pop().expect("there are clients");
    assert!(is_ended(&mut last).await?);
    // The first one is served all the time.
    let first = &mut clients[0];
    first.write_all(b"7\n").await?;
    let mut answer = [0; 8];
    first.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"total 7\n");
    page.answered().await?;

    drop(clients);
    serving.process().settles_at(idle).await?;
    let address = address_of(&page.welcome().servers, "count_poll")?;
    let mut client = TcpStream::connect(address).await?;
    client.write_all(b"1\n").await?;
    client.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"total 8\n");
    Ok(())
}

#[test]
fn too_few_to_start_is_a_sentence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let command = serving::with_descriptors(24);
    let output = serving::serve(command, folder.path(), folder.path(), &[])?.output()?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("ulimit -n"), "{error}");
    Ok(())
}
