//! The counting servers as a reader pastes them into a project of their own: the same files, with
//! tokio's, std's and mio's sockets where the gateway has watched ones.

#[path = "../../native/src/lessons/count_channel.rs"]
pub mod count_channel;
#[path = "../../native/src/lessons/count_one.rs"]
pub mod count_one;
#[path = "../../native/src/lessons/count_poll.rs"]
pub mod count_poll;
#[path = "../../native/src/lessons/count_tasks.rs"]
pub mod count_tasks;

/// What a lesson imports from.
mod tap {
    pub(crate) use ::{mio, std};
    pub(crate) use tokio::{io, net, task};
}

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any story takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// Starts a server that is a task on a free port.
async fn in_task<Serving>(serve: fn(TcpListener) -> Serving) -> io::Result<SocketAddr>
where
    Serving: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(listener));
    Ok(address)
}

/// Starts a server that blocks on a free port. It ends with this program.
fn in_thread(
    serve: impl FnOnce(std::net::TcpListener) -> io::Result<()> + Send + 'static,
) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || serve(listener));
    Ok(address)
}

fn with_mio(listener: std::net::TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    count_poll::serve(mio::net::TcpListener::from_std(listener))
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(address).await?)))
    }

    /// What comes back for `text`, up to the end of a line.
    async fn ask(&mut self, text: &str) -> io::Result<String> {
        self.0.write_all(text.as_bytes()).await?;
        let mut answer = String::new();
        let line = self.0.read_line(&mut answer);
        tokio::time::timeout(DEADLINE, line).await??;
        Ok(answer)
    }
}

/// What all four promise to a client that is alone.
async fn counts(address: SocketAddr) -> io::Result<()> {
    let mut client = Client::connect(address).await?;
    assert_eq!(client.ask("5\n").await?, "total 5\n");
    assert_eq!(client.ask(" -7\r\n").await?, "total -2\n");
    for line in ["\n", "five\n", "1.5\n", "9223372036854775808\n"] {
        assert_eq!(client.ask(line).await?, "not a number\n");
    }
    client.0.write_all(b"\xff\n").await?;
    assert_eq!(client.ask("").await?, "not a number\n");
    client.0.write_all(b"1").await?;
    assert_eq!(client.ask("0\n1\n").await?, "total 8\n");
    assert_eq!(client.ask("").await?, "total 9\n");

    // A line that ends after 1,024 bytes is the longest.
    let longest = format!("{:>1023}\n", 1);
    assert_eq!(client.ask(&longest).await?, "total 10\n");
    client.0.write_all(&[b' '; 1024]).await?;
    let mut rest = Vec::new();
    let reading = tokio::time::timeout(DEADLINE, client.0.read_to_end(&mut rest));
    // It is sent away; with bytes of it unread that is a reset.
    let _ = reading.await?;
    assert!(rest.is_empty());

    // Half a line is not counted, and the total outlives its clients.
    let mut client = Client::connect(address).await?;
    client.0.write_all(b"1000").await?;
    client.0.get_mut().shutdown().await?;
    assert_eq!(client.ask("").await?, "");
    let mut client = Client::connect(address).await?;
    assert_eq!(client.ask("0\n").await?, "total 10\n");
    let most = format!("{}\n", i64::MAX);
    assert_eq!(
        client.ask(&most).await?,
        format!("total {}\n", i64::MIN + 9)
    );
    Ok(())
}

/// What the three right ones promise: a client that is slow holds up nobody.
async fn serves_many(address: SocketAddr) -> io::Result<()> {
    let mut slow = Client::connect(address).await?;
    slow.0.write_all(b"1").await?;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::connect(address).await?);
    }
    let mut expected = i64::MIN + 9;
    for client in clients.iter_mut().rev() {
        expected += 1;
        assert_eq!(client.ask("1\n").await?, format!("total {expected}\n"));
    }
    expected += 10;
    assert_eq!(slow.ask("0\n").await?, format!("total {expected}\n"));
    Ok(())
}

/// A client that sends for ever and reads nothing is not read for ever: its answers have to wait
/// somewhere, and the server must not be that place.
async fn bounds_what_it_keeps(address: SocketAddr) -> io::Result<()> {
    let mut greedy = TcpStream::connect(address).await?;
    let lines = "1\n".repeat(32 * 1024);
    let mut sent = 0;
    // Far more than the buffers of two sockets hold; a write that stays pending is the proof.
    while sent < 256 * 1024 * 1024 {
        let writing = greedy.write_all(lines.as_bytes());
        match tokio::time::timeout(Duration::from_secs(1), writing).await {
            Ok(written) => written?,
            Err(_) => return Ok(()),
        }
        sent += lines.len();
    }
    Err(io::Error::other("the server reads what it cannot answer"))
}

#[tokio::test(flavor = "multi_thread")]
async fn count_tasks_counts_for_many() -> io::Result<()> {
    let address = in_task(count_tasks::serve).await?;
    counts(address).await?;
    serves_many(address).await?;
    bounds_what_it_keeps(address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn count_channel_counts_for_many() -> io::Result<()> {
    let address = in_task(count_channel::serve).await?;
    counts(address).await?;
    serves_many(address).await?;
    bounds_what_it_keeps(address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn count_poll_counts_for_many() -> io::Result<()> {
    let address = in_thread(with_mio)?;
    counts(address).await?;
    serves_many(address).await?;
    bounds_what_it_keeps(address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn count_one_counts_for_one_after_the_other() -> io::Result<()> {
    let address = in_thread(count_one::serve)?;
    counts(address).await?;
    let mut first = Client::connect(address).await?;
    first.ask("0\n").await?;
    // The kernel completes this connection, and takes what it says; the server does not know yet.
    let mut second = Client::connect(address).await?;
    let waiting = tokio::time::timeout(Duration::from_millis(300), second.ask("0\n"));
    assert!(waiting.await.is_err());
    drop(first);
    assert_eq!(second.ask("").await?, format!("total {}\n", i64::MIN + 9));
    Ok(())
}
