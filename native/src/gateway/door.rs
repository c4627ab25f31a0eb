//! The listener of the gateway, which lets in as long as there are descriptors and says so to
//! whoever comes when there are none.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

use super::guard::Guard;
use crate::descriptors::{self, Spare};

/// How long to wait before asking again after a failure that may pass.
const PAUSE: Duration = Duration::from_millis(100);

/// How long one who cannot be let in may take to hear why; the next one waits for that.
const REFUSAL_TIME: Duration = Duration::from_millis(250);

pub(super) struct Door {
    listener: TcpListener,
    spare: Spare,
    /// A whole response.
    refusal: Bytes,
}

impl Door {
    pub(super) fn new(listener: TcpListener, guard: &Guard) -> Self {
        Self {
            listener,
            spare: Spare::keep(),
            refusal: refusal(guard),
        }
    }

    /// The next connection that there is room for.
    pub(super) async fn accept(&mut self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    self.spare.restore();
                    return stream;
                }
                Err(error) if descriptors::are_exhausted(&error) => self.turn_away().await,
                // The client was gone before it was let in, or the system is short of memory.
                Err(error) => self.wait_after(&error).await,
            }
        }
    }

    /// Lets one in with the spare descriptor, to tell why it cannot stay. Without that all who
    /// come would wait in the kernel's line, where they look as if they had been let in.
    async fn turn_away(&mut self) {
        descriptors::tell();
        if !self.spare.spend() {
            tokio::time::sleep(PAUSE).await;
            return self.spare.restore();
        }
        // The system says that there is no descriptor before it looks whether anybody is there.
        let next = self.listener.accept().now_or_never();
        if let Some(Ok((stream, _))) = next {
            // If it takes too long there is nobody to tell.
            let _ = tokio::time::timeout(REFUSAL_TIME, self.tell(stream)).await;
        }
        self.spare.restore();
    }

    async fn tell(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(&self.refusal).await?;
        stream.shutdown().await?;
        // A request that was not read would turn the end into a reset, which may overtake the
        // response.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        Ok(())
    }

    async fn wait_after(&self, error: &io::Error) {
        warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(PAUSE).await;
    }
}

fn refusal(guard: &Guard) -> Bytes {
    let advice = descriptors::ADVICE;
    let body = format!("Not now: {advice}. Then load this page anew.\n");
    let mut response = format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-store\r\n\
         Connection: close\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in guard.headers() {
        response.extend_from_slice(name.as_str().as_bytes());
        response.extend_from_slice(b": ");
        response.extend_from_slice(value.as_bytes());
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"\r\n");
    response.extend_from_slice(body.as_bytes());
    response.into()
}
