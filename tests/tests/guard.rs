//! Who may ask what: bytes on the wire, and what comes back.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use wirebook_tests::foreign;
use wirebook_tests::gateway::{Answer, SCRIPT_HASH, TestGateway};

/// What stands in a handshake beside Host and Origin.
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wirebook.v1\r\n";

struct Door {
    gateway: TestGateway,
    port: String,
}

impl Door {
    async fn open() -> Result<Self> {
        let gateway = TestGateway::start().await?;
        let port = gateway.address().port().to_string();
        Ok(Self { gateway, port })
    }

    /// Asks with exactly these lines, in which `P` at the end of a word means the port.
    async fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in fields {
            write!(request, "{name}: {}\r\n", value.replace('P', &self.port))?;
        }
        // A refused handshake must not keep the connection open.
        match path {
            "/session" => request += HANDSHAKE,
            _ => request += "Connection: close\r\n",
        }
        self.gateway.ask(request + "\r\n").await
    }

    async fn handshake(&self, fields: &[(&str, &str)]) -> Result<Option<u16>> {
        let mut request = String::from("GET /session HTTP/1.1\r\n");
        for (name, value) in fields {
            write!(request, "{name}: {}\r\n", value.replace('P', &self.port))?;
        }
        // The gateway ends the socket when it was opened and its first frame is no frame.
        let answer = self
            .gateway
            .ask(request + HANDSHAKE + "\r\nnot a frame")
            .await?;
        assert_eq!(answer.field("set-cookie"), None);
        Ok(answer.status())
    }
}

const HOST: (&str, &str) = ("Host", "127.0.0.1:P");
const ORIGIN: (&str, &str) = ("Origin", "http://127.0.0.1:P");

#[tokio::test(flavor = "multi_thread")]
async fn only_the_configured_host_is_answered() -> Result<()> {
    let door = Door::open().await?;
    assert_eq!(door.ask("GET", "/", &[HOST]).await?.status(), Some(200));
    for host in foreign::HOSTS {
        for path in [
            "/",
            "/healthz",
            "/api/servers",
            "/lab/page-0f3a99b2c1d4e5f6.js",
        ] {
            let answer = door.ask("GET", path, &[("Host", host)]).await?;
            let status = answer.status();
            assert!(
                matches!(status, Some(400 | 421)),
                "{path} at {host:?}: {status:?}"
            );
            assert!(!answer.head().contains("200 OK"));
        }
    }
    let none = door.ask("GET", "/", &[]).await?.status();
    assert!(matches!(none, Some(400 | 421)), "{none:?}");
    let two = door.ask("GET", "/", &[HOST, HOST]).await?.status();
    assert!(matches!(two, Some(400 | 421)), "{two:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_configured_origin_opens_a_session() -> Result<()> {
    let door = Door::open().await?;
    assert_eq!(door.handshake(&[HOST, ORIGIN]).await?, Some(101));
    assert_eq!(door.handshake(&[HOST]).await?, Some(403));
    assert_eq!(door.handshake(&[HOST, ORIGIN, ORIGIN]).await?, Some(403));
    for origin in foreign::ORIGINS {
        assert_eq!(
            door.handshake(&[HOST, ("Origin", origin)]).await?,
            Some(403),
            "{origin:?}"
        );
    }
    let names = foreign::HOSTS.iter().chain(&["localhost:P"]);
    for host in names {
        // As after DNS rebinding: the two agree with each other, and that is no help.
        let origin = format!("http://{host}");
        for origin in [origin.as_str(), ORIGIN.1] {
            let status = door
                .handshake(&[("Host", host), ("Origin", origin)])
                .await?;
            assert!(
                matches!(status, Some(400 | 421)),
                "{host:?} {origin:?}: {status:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_another_port_is_refused_everywhere() -> Result<()> {
    let door = Door::open().await?;
    let lesson = door.gateway.server("tcp_ok")?;
    let origin = format!("http://{lesson}");
    for path in ["/", "/api/servers", "/healthz"] {
        let answer = door.ask("GET", path, &[HOST, ("Origin", &origin)]).await?;
        assert_eq!(answer.status(), Some(403), "{path}");
        assert_eq!(answer.field("access-control-allow-origin"), None);
    }
    assert_eq!(
        door.handshake(&[HOST, ("Origin", &origin)]).await?,
        Some(403)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn localhost_is_led_to_the_one_origin() -> Result<()> {
    let door = Door::open().await?;
    let answer = door
        .ask("GET", "/part/?q=1", &[("Host", "localhost:P")])
        .await?;
    assert_eq!(answer.status(), Some(307));
    let here = format!("http://127.0.0.1:{}/part/?q=1", door.port);
    assert_eq!(answer.field("location"), Some(here));
    let posted = door.ask("POST", "/", &[("Host", "localhost:P")]).await?;
    assert_eq!(posted.status(), Some(421));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_policy_and_no_cookie() -> Result<()> {
    let door = Door::open().await?;
    let port = &door.port;
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' '{SCRIPT_HASH}'; \
         style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
         worker-src 'self'; \
         connect-src 'self' ws://127.0.0.1:{port}; base-uri 'none'; form-action 'none'; \
         object-src 'none'; frame-ancestors 'none'"
    );
    for (method, path, host, status) in [
        ("GET", "/", HOST.1, 200),
        ("HEAD", "/", HOST.1, 200),
        ("GET", "/nothing.html", HOST.1, 404),
        ("GET", "/site.json", HOST.1, 404),
        ("GET", "/api/servers", HOST.1, 200),
        ("GET", "/healthz", HOST.1, 200),
        ("POST", "/", HOST.1, 405),
        ("OPTIONS", "/api/servers", HOST.1, 405),
        ("GET", "/", "localhost:P", 307),
        ("GET", "/", "evil.test", 421),
    ] {
        let answer = door.ask(method, path, &[("Host", host)]).await?;
        let field = |name| answer.field(name).unwrap_or_default();
        assert_eq!(answer.status(), Some(status), "{method} {path}");
        assert_eq!(field("content-security-policy"), policy);
        assert_eq!(field("x-content-type-options"), "nosniff");
        assert_eq!(field("referrer-policy"), "no-referrer");
        assert_eq!(field("cross-origin-resource-policy"), "same-origin");
        assert_eq!(field("cross-origin-opener-policy"), "same-origin");
        let head = answer.head().to_ascii_lowercase();
        assert!(
            !head.contains("set-cookie") && !head.contains("access-control"),
            "{head}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_must_be_one() -> Result<()> {
    let door = Door::open().await?;
    let host = HOST.1.replace('P', &door.port);
    let ours = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
    let ask = async |method: &str, handshake: String| -> Result<Option<u16>> {
        let request = format!("{method} /session HTTP/1.1\r\n{ours}{handshake}\r\n");
        // Whatever is wrong: what follows is not taken for a second request that keeps it open.
        Ok(door.gateway.ask(request).await?.status())
    };
    let without = |line: &str| {
        let kept = HANDSHAKE
            .split_inclusive("\r\n")
            .filter(|kept| !kept.starts_with(line));
        kept.collect::<String>() + "X: close\r\n"
    };
    assert_eq!(ask("POST", HANDSHAKE.to_owned()).await?, Some(405));
    assert_eq!(ask("GET", without("Upgrade")).await?, Some(426));
    assert_eq!(ask("GET", without("Sec-WebSocket-Key")).await?, Some(400));
    assert_eq!(
        ask("GET", without("Sec-WebSocket-Protocol")).await?,
        Some(400)
    );
    assert_eq!(ask("GET", HANDSHAKE.replace("13", "8")).await?, Some(426));
    assert_eq!(ask("GET", HANDSHAKE.replace("==", "")).await?, Some(400));
    assert_eq!(
        ask("GET", HANDSHAKE.replace("wirebook.v1", "wirebook.v0")).await?,
        Some(400)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_book() -> Result<()> {
    let door = Door::open().await?;
    for path in [
        "/../state/token",
        "/%2e%2e/state/token",
        "/part/../../state/token",
        "/part/%2e%2e/%2e%2e/state/token",
        "/..%2fstate/token",
        "/..%5cstate/token",
        "//etc/passwd",
        "/%00",
        "/site.json",
        "/%73ite.json",
        "/part",
    ] {
        let answer = door.ask("GET", path, &[HOST]).await?;
        assert_eq!(answer.status(), Some(404), "{path}");
        assert!(!answer.body().starts_with(door.gateway.token()?.as_bytes()));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_cached_by_their_content() -> Result<()> {
    let door = Door::open().await?;
    let page = door
        .gateway
        .get("/lab/page-0f3a99b2c1d4e5f6_bg.wasm", "")
        .await?;
    assert_eq!(
        page.field("content-type").as_deref(),
        Some("application/wasm")
    );
    let for_ever = "public, max-age=31536000, immutable";
    assert_eq!(page.field("cache-control").as_deref(), Some(for_ever));

    let index = door.gateway.get("/", "").await?;
    assert_eq!(index.field("cache-control").as_deref(), Some("no-cache"));
    assert_eq!(
        index.field("content-type").as_deref(),
        Some("text/html; charset=utf-8")
    );
    let etag = index.field("etag").context("a page has an ETag")?;
    let again = door
        .gateway
        .get("/", &format!("If-None-Match: W/{etag}\r\n"))
        .await?;
    assert_eq!(again.status(), Some(304));
    assert!(again.body().is_empty());
    let other = door
        .gateway
        .get("/", "If-None-Match: \"other\"\r\n")
        .await?;
    assert_eq!(other.status(), Some(200));

    let head = door.ask("HEAD", "/", &[HOST]).await?;
    assert_eq!(head.field("content-length"), index.field("content-length"));
    assert!(head.body().is_empty());
    let folder = door.gateway.get("/part/", "").await?;
    assert!(folder.body().ends_with(b"<title>Part</title>"));
    let missing = door.gateway.get("/missing.html", "").await?;
    assert!(missing.body().ends_with(b"<title>Not found</title>"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_learn_where_the_servers_are() -> Result<()> {
    let door = Door::open().await?;
    let answer = door.gateway.get("/api/servers", "").await?;
    let rows: serde_json::Value = serde_json::from_slice(answer.body())?;
    for (row, server) in rows
        .as_array()
        .context("a list")?
        .iter()
        .zip(door.gateway.servers())
    {
        assert_eq!(row["name"], server.lesson);
        assert_eq!(row["address"], server.address.to_string());
        assert!(["tcp", "udp", "unix"].contains(&row["transport"].as_str().unwrap_or_default()));
    }
    assert_eq!(door.gateway.get("/healthz", "").await?.body(), b"ok\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_can_name_a_lesson_and_nothing_else() -> Result<()> {
    let gateway = TestGateway::start().await?;
    // Somebody listens, so that a connection would be noticed.
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0")?;
    elsewhere.set_nonblocking(true)?;
    let lesson = gateway.server("tcp_ok")?;
    let mut session = gateway.session().await?;
    for name in [
        elsewhere.local_addr()?.to_string(),
        lesson.to_string(),
        gateway.address().to_string(),
        format!("tcp_ok@{lesson}"),
        "127.0.0.1:22".to_owned(),
        "localhost".to_owned(),
        "[::1]:22".to_owned(),
        "169.254.169.254:80".to_owned(),
        "http://example.org/".to_owned(),
        "../tcp_ok".to_owned(),
        "/etc/passwd".to_owned(),
        "tcp_ok\0".to_owned(),
        "tcp_ok ".to_owned(),
        "TCP_OK".to_owned(),
        String::new(),
    ] {
        match session.try_open(&name).await? {
            Ok(_) => anyhow::bail!("{name:?} was opened"),
            Err(refused) => assert!(
                refused.why.contains("no such lesson"),
                "{name:?}: {refused:?}"
            ),
        }
        let watch = wire::ToGateway::Watch {
            lesson: name.clone(),
        };
        session.say(&[watch]).await?;
    }
    session.answered().await?;
    assert_eq!(session.observed(), []);
    gateway.settles_at(1, 0).await?;
    let nobody = elsewhere.accept().map_err(|error| error.kind());
    assert!(
        matches!(nobody, Err(std::io::ErrorKind::WouldBlock)),
        "{nobody:?}"
    );
    Ok(())
}
