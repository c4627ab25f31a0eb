//! Who may ask: every request is held against the one configured origin before anything else.
//!
//! `Host` and `Origin` are each compared with what this gateway *is*, never with each other: a
//! name that an attacker points at 127.0.0.1 would make them agree (DNS rebinding).

use std::net::SocketAddr;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri, Version};

/// The one origin of this gateway, and what every response says about it.
pub(super) struct Guard {
    /// `127.0.0.1:PORT`, as it must stand in `Host`.
    authority: String,
    /// `localhost:PORT`, which is led to the one above.
    alias: String,
    /// `http://127.0.0.1:PORT`
    origin: String,
    headers: HeaderMap,
}

/// What the guard thinks of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is for this gateway, and from its own page or from no page.
    Pass,
    /// It is meant for this gateway under its other name.
    Redirect(String),
    /// It is not for this gateway, or from somebody else's page.
    Refuse(StatusCode, &'static str),
}

/// Where a request goes, which decides how strict the guard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The WebSocket: only our own page may open it, and it must say who it is.
    Session,
    /// Everything else: nothing secret, and also for programs that are no browsers.
    Public,
}

impl Guard {
    /// The guard of the gateway at `address`, whose pages run these inline scripts.
    pub(super) fn new(address: SocketAddr, script_hashes: &[String]) -> Self {
        let name = |host: &str| match address.port() {
            // The default port of the scheme is left out (RFC 9110, 4.2.3; RFC 6454, 6.1).
            80 => host.to_owned(),
            port => format!("{host}:{port}"),
        };
        let authority = name(&address.ip().to_string());
        Self {
            alias: name("localhost"),
            origin: format!("http://{authority}"),
            headers: headers(&authority, script_hashes),
            authority,
        }
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// What every response carries.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(super) fn judge<B>(&self, request: &Request<B>, target: Target) -> Verdict {
        let wrong_host = Verdict::Refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "This is a Wirebook gateway, and the request asks for another host.\n",
        );
        if request.version() == Version::HTTP_10 && target == Target::Session {
            return Verdict::Refuse(StatusCode::BAD_REQUEST, "A WebSocket needs HTTP/1.1.\n");
        }
        let Some(host) = only(request.headers(), header::HOST) else {
            return wrong_host;
        };
        if let Some(authority) = request.uri().authority()
            && (authority.as_str() != self.authority
                || request
                    .uri()
                    .scheme_str()
                    .is_none_or(|scheme| scheme != "http"))
        {
            return wrong_host;
        }
        if host != self.authority.as_bytes() {
            let may_redirect = target == Target::Public
                && host == self.alias.as_bytes()
                && [Method::GET, Method::HEAD].contains(request.method());
            return match may_redirect {
                true => Verdict::Redirect(self.here(request.uri())),
                false => wrong_host,
            };
        }
        let wrong_origin = Verdict::Refuse(
            StatusCode::FORBIDDEN,
            "Only the pages of this gateway may ask for this.\n",
        );
        if !request.headers().contains_key(header::ORIGIN) {
            return match target {
                Target::Session => wrong_origin,
                Target::Public => Verdict::Pass,
            };
        }
        match only(request.headers(), header::ORIGIN) {
            Some(origin) if origin == self.origin.as_bytes() => Verdict::Pass,
            _ => wrong_origin,
        }
    }

    fn here(&self, uri: &Uri) -> String {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        format!("{}{path}", self.origin)
    }
}

/// The value of a field that must stand exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes()),
        _ => None,
    }
}

fn headers(authority: &str, script_hashes: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ]);
    let hashes: String = script_hashes
        .iter()
        .filter(|hash| is_script_hash(hash))
        .map(|hash| format!(" '{hash}'"))
        .collect();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; style-src 'self'; \
         style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
         worker-src 'self'; \
         connect-src 'self' ws://{authority}; base-uri 'none'; form-action 'none'; \
         object-src 'none'; frame-ancestors 'none'"
    );
    // Only characters of base64 and of this text are in it, so it always is a value.
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers
}

/// Whether `hash` is a hash and cannot be read as another part of the policy.
fn is_script_hash(hash: &str) -> bool {
    hash.strip_prefix("sha256-").is_some_and(|digits| {
        digits.len() == 44
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new(SocketAddr::from(([127, 0, 0, 1], 7878)), &[])
    }

    fn judge(target: Target, uri: &str, fields: &[(&str, &str)]) -> Verdict {
        let mut request = Request::builder().uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        guard().judge(&request.body(()).unwrap(), target)
    }

    fn is_refused(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Refuse(..))
    }

    #[test]
    fn only_the_configured_host_and_origin_open_a_session() {
        let host = ("host", "127.0.0.1:7878");
        let origin = ("origin", "http://127.0.0.1:7878");
        let session = |fields: &[_]| judge(Target::Session, "/session", fields);
        assert_eq!(session(&[host, origin]), Verdict::Pass);
        assert!(is_refused(&session(&[host])));
        assert!(is_refused(&session(&[origin])));
        assert!(is_refused(&session(&[host, origin, origin])));
        assert!(is_refused(&session(&[host, host, origin])));
        assert!(is_refused(&session(&[("host", "localhost:7878"), origin])));
        let rebound = [
            ("host", "evil.test:7878"),
            ("origin", "http://evil.test:7878"),
        ];
        assert!(is_refused(&session(&rebound)));
        for foreign in [
            "null",
            "http://localhost:7878",
            "https://127.0.0.1:7878",
            "http://127.0.0.1:7879",
            "http://127.0.0.1",
            "http://127.0.0.1:7878.",
            "http://127.0.0.1:7878/",
            "http://127.0.0.1:78789",
            "http://127.0.0.1.evil.test:7878",
            "HTTP://127.0.0.1:7878",
            "file://",
        ] {
            assert!(
                is_refused(&session(&[host, ("origin", foreign)])),
                "{foreign}"
            );
        }
    }

    #[test]
    fn localhost_is_led_to_the_one_origin() {
        assert_eq!(
            judge(Target::Public, "/a/b.html?c", &[("host", "localhost:7878")]),
            Verdict::Redirect("http://127.0.0.1:7878/a/b.html?c".to_owned())
        );
    }

    #[test]
    fn an_absolute_target_must_be_ours_too() {
        let host = ("host", "127.0.0.1:7878");
        let ask = |uri| judge(Target::Public, uri, &[host]);
        assert_eq!(ask("http://127.0.0.1:7878/"), Verdict::Pass);
        assert!(is_refused(&ask("http://evil.test/")));
        assert!(is_refused(&ask("https://127.0.0.1:7878/")));
        assert!(is_refused(&ask("http://a@127.0.0.1:7878/")));
    }

    #[test]
    fn a_forged_hash_cannot_widen_the_policy() {
        let hashes = [
            "sha256-'; script-src *".to_owned(),
            "unsafe-inline".to_owned(),
        ];
        let guard = Guard::new(SocketAddr::from(([127, 0, 0, 1], 7878)), &hashes);
        let policy = guard.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval'; "),
            "{policy}"
        );
    }
}
