//! The HTTP side: the book, two small answers for programs, and the door to a session.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info};
use wire::session::{SUBPROTOCOL, Transport};

use super::Shared;
use super::door::Door;
use super::guard::{Target, Verdict};
use super::limits::PAGE_SEND_BUFFER_BYTES;
use super::sessions;

pub(super) type Body = Full<Bytes>;

/// Accepts connections until `stop`; what they started ends with the tasks of `tasks`.
pub(super) async fn serve(
    mut door: Door,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(shared.limits.http_connections));
    loop {
        let accept = async {
            // Never closed, so a place always comes.
            let place = Arc::clone(&places).acquire_owned().await;
            (door.accept().await, place)
        };
        let (stream, place) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = accept => accepted,
        };
        let (shared, connection_tasks) = (Arc::clone(&shared), tasks.clone());
        let stop = stop.clone();
        tasks.spawn(async move {
            serve_connection(stream, shared, connection_tasks, stop).await;
            drop(place);
        });
    }
}

async fn serve_connection(
    stream: TcpStream,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    // Small frames in both directions: waiting for more to send would only be seen as lag.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
    if let Err(error) = SockRef::from(&stream).set_send_buffer_size(PAGE_SEND_BUFFER_BYTES) {
        debug!(%error, "the kernel buffers as much as it likes");
    }
    let limits = Arc::clone(&shared.limits);
    let session_stop = stop.clone();
    let service = service_fn(move |request| {
        let (shared, tasks) = (Arc::clone(&shared), tasks.clone());
        let stop = session_stop.clone();
        async move { Ok::<_, Infallible>(respond(request, shared, &tasks, stop).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.http_head)
        .max_headers(limits.http_head_fields)
        .max_header_size(limits.http_head_bytes)
        .max_buf_size(limits.http_head_bytes)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        () = async {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(limits.http_connection) => {}
            }
        } => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits.http_last_response, connection).await {
                Ok(result) => result,
                Err(_) => return debug!("a client did not read its response in time"),
            }
        }
    };
    if let Err(error) = result {
        debug!(%error, "an HTTP connection ended early");
    }
}

async fn respond(
    mut request: Request<Incoming>,
    shared: Arc<Shared>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Response<Body> {
    let is_session = request.uri().path() == "/session";
    let target = match is_session {
        true => Target::Session,
        false => Target::Public,
    };
    let mut response = match shared.guard.judge(&request, target) {
        Verdict::Pass if !request.body().is_end_stream() => {
            // What is content by one reading is a request by another (RFC 9112, 11.2): nothing
            // behind this head is taken for either.
            let why = "This gateway takes no content.\n";
            closing(text_response(StatusCode::PAYLOAD_TOO_LARGE, why))
        }
        Verdict::Pass if is_session => upgrade(&mut request, &shared, tasks, stop),
        Verdict::Pass => answer(&request, &shared).await,
        Verdict::Redirect(to) => redirect(&to),
        Verdict::Refuse(status, why) => {
            let field = |name| request.headers().get(name).map(HeaderValue::as_bytes);
            info!(
                %status,
                host = ?field(header::HOST).map(String::from_utf8_lossy),
                origin = ?field(header::ORIGIN).map(String::from_utf8_lossy),
                "a request was refused"
            );
            // Who is at the wrong door need not be kept waiting at it.
            closing(text_response(status, why))
        }
    };
    let headers = response.headers_mut();
    for (name, value) in shared.guard.headers() {
        headers.insert(name, value.clone());
    }
    response
}

async fn answer(request: &Request<Incoming>, shared: &Shared) -> Response<Body> {
    let is_read = [Method::GET, Method::HEAD].contains(request.method());
    match request.uri().path() {
        "/healthz" if is_read => match shared.lessons.failures() {
            failures if failures.is_empty() => text_response(StatusCode::OK, "ok\n"),
            failures => {
                let lines: String = failures.iter().map(|line| format!("{line}\n")).collect();
                text_response(StatusCode::SERVICE_UNAVAILABLE, lines)
            }
        },
        "/api/servers" if is_read => servers(shared),
        path => {
            shared
                .site
                .respond(request.method(), path, request.headers())
                .await
        }
    }
}

fn servers(shared: &Shared) -> Response<Body> {
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a str,
        transport: Transport,
        address: &'a wire::Address,
    }
    let rows: Vec<_> = shared
        .lessons
        .servers()
        .iter()
        .map(|server| Row {
            name: &server.lesson,
            transport: server.transport,
            address: &server.address,
        })
        .collect();
    match serde_json::to_vec(&rows) {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => text_response(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// Turns the connection into a WebSocket (RFC 6455, 4.2) and starts its session.
fn upgrade(
    request: &mut Request<Incoming>,
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Response<Body> {
    let key = match handshake_key(request) {
        Ok(key) => key,
        Err((status, why)) => {
            let mut response = closing(text_response(status, why));
            if status == StatusCode::UPGRADE_REQUIRED {
                let headers = response.headers_mut();
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static("13"),
                );
            }
            return response;
        }
    };
    let upgraded = hyper::upgrade::on(request);
    let shared = Arc::clone(shared);
    tasks.spawn(async move {
        match upgraded.await {
            // Without hyper around it each call is its own.
            Ok(upgraded) => match upgraded.downcast::<TokioIo<TcpStream>>() {
                Ok(parts) => {
                    let stream = parts.io.into_inner();
                    sessions::run(stream, parts.read_buf, shared, stop).await;
                }
                Err(_) => debug!("a WebSocket began on what is no TCP connection"),
            },
            Err(error) => debug!(%error, "a WebSocket ended before it began"),
        }
    });
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(
        header::SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

fn handshake_key<B>(request: &Request<B>) -> Result<String, (StatusCode, &'static str)> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err((
            StatusCode::METHOD_NOT_ALLOWED,
            "A session begins with GET.\n",
        ));
    }
    if !lists(headers, header::UPGRADE, "websocket")
        || !lists(headers, header::CONNECTION, "upgrade")
    {
        return Err((
            StatusCode::UPGRADE_REQUIRED,
            "A session is a WebSocket: open it with one.\n",
        ));
    }
    if !lists(headers, header::SEC_WEBSOCKET_VERSION, "13") {
        return Err((
            StatusCode::UPGRADE_REQUIRED,
            "This gateway speaks version 13 of the WebSocket protocol (RFC 6455).\n",
        ));
    }
    if !lists(headers, header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err((
            StatusCode::BAD_REQUEST,
            "This gateway speaks the subprotocol wirebook.v1.\n",
        ));
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next().and_then(|key| key.to_str().ok()), keys.next()) {
        (Some(key), None) if is_nonce(key) => Ok(key.to_owned()),
        _ => Err((
            StatusCode::BAD_REQUEST,
            "Sec-WebSocket-Key must be 16 bytes in base64 (RFC 6455, 4.1).\n",
        )),
    }
}

/// Whether one of the comma-separated words of a field is `word`.
fn lists(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(word))
}

/// Whether `key` is the base64 of 16 bytes.
fn is_nonce(key: &str) -> bool {
    key.len() == 24
        && key.strip_suffix("==").is_some_and(|digits| {
            digits
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
        })
}

/// The last response of its connection.
fn closing(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn redirect(to: &str) -> Response<Body> {
    let mut response = text_response(StatusCode::TEMPORARY_REDIRECT, format!("{to}\n"));
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

pub(super) fn text_response(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
