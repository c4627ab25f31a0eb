//! The book's files: from inside the program, or from a folder.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;

use super::http::{Body, text_response};

/// Where the book comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteSource {
    /// What was in `target/site` when the program was built.
    Embedded,
    /// A folder of the same shape, read anew for every request.
    Folder(PathBuf),
}

#[derive(rust_embed::Embed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Embedded;

/// What the build says about the site; not served itself.
const MANIFEST: &str = "site.json";

#[derive(Default, Deserialize)]
struct Manifest {
    build: String,
    script_hashes: Vec<String>,
}

/// The book.
pub(super) struct Site {
    source: SiteSource,
    manifest: Manifest,
}

struct File {
    data: Cow<'static, [u8]>,
    etag: String,
}

impl Site {
    pub(super) fn open(source: SiteSource) -> anyhow::Result<Self> {
        let mut site = Self {
            source,
            manifest: Manifest::default(),
        };
        if let Some(file) = site.source.read(MANIFEST) {
            site.manifest = serde_json::from_slice(&file.data)
                .map_err(|error| anyhow::anyhow!("the book's {MANIFEST} is damaged: {error}"))?;
        }
        Ok(site)
    }

    /// Names the build of the book; empty if there is none.
    pub(super) fn build(&self) -> &str {
        &self.manifest.build
    }

    /// Of every inline script of every page.
    pub(super) fn script_hashes(&self) -> &[String] {
        &self.manifest.script_hashes
    }

    /// Answers a request for a file.
    pub(super) async fn respond(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Response<Body> {
        if ![Method::GET, Method::HEAD].contains(method) {
            let mut response = text_response(
                StatusCode::METHOD_NOT_ALLOWED,
                "The book can only be read: use GET or HEAD.\n",
            );
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if let Some(name) = file_name(path)
            && name != MANIFEST
            && let Some(file) = self.read(&name).await
        {
            return found(&name, file, headers);
        }
        if self.read("index.html").await.is_none() {
            return text_response(
                StatusCode::SERVICE_UNAVAILABLE,
                "The book is not built yet: run `cargo lab` in the repository.\n",
            );
        }
        match self.read("404.html").await {
            Some(page) => {
                let mut response = Response::new(Body::from(bytes(page.data)));
                *response.status_mut() = StatusCode::NOT_FOUND;
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, media_type("404.html"));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                response
            }
            None => text_response(StatusCode::NOT_FOUND, "The book has no such page.\n"),
        }
    }

    async fn read(&self, name: &str) -> Option<File> {
        match &self.source {
            SiteSource::Embedded => self.source.read(name),
            SiteSource::Folder(_) => {
                let (source, name) = (self.source.clone(), name.to_owned());
                tokio::task::spawn_blocking(move || source.read(&name))
                    .await
                    .ok()
                    .flatten()
            }
        }
    }
}

impl SiteSource {
    /// `name` is checked already: relative, and going down only.
    fn read(&self, name: &str) -> Option<File> {
        match self {
            Self::Embedded => Embedded::get(name).map(|file| File {
                etag: file.metadata.sha256_hash()[..16]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
                data: file.data,
            }),
            Self::Folder(folder) => read_file(&folder.join(name)),
        }
    }
}

fn read_file(path: &Path) -> Option<File> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() {
        return None;
    }
    let changed = metadata.modified().ok()?;
    let changed_ns = changed
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    Some(File {
        etag: format!("{changed_ns:x}-{:x}", metadata.len()),
        data: Cow::Owned(std::fs::read(path).ok()?),
    })
}

fn found(name: &str, file: File, request: &HeaderMap) -> Response<Body> {
    let etag = format!("\"{}\"", file.etag);
    let is_known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == etag);
    let mut response = match is_known {
        true => {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        false => {
            let mut response = Response::new(Body::from(bytes(file.data)));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, media_type(name));
            response
        }
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static(match has_content_hash(name) {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        }),
    );
    response
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

/// The name of the file at a request's path, `None` if no file can have it.
fn file_name(path: &str) -> Option<String> {
    let decoded = percent_decoded(path.strip_prefix('/')?)?;
    let mut name = decoded;
    if name.is_empty() || name.ends_with('/') {
        name.push_str("index.html");
    }
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.contains(|character: char| character.is_control() || r"\:".contains(character))
    };
    name.split('/').all(is_plain).then_some(name)
}

/// RFC 3986, 2.1; once, so that `%252e` stays what it is.
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        decoded.push((digit()? * 16 + digit()?) as u8);
    }
    String::from_utf8(decoded).ok()
}

/// Whether the name changes with the content, as in `lab/page-0f3a….js` and mdBook's
/// `highlight-abc7f01d.js`.
fn has_content_hash(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some((stem, extension)) = file.split_once('.') else {
        return false;
    };
    // A chapter may well end in a word that looks like a number.
    if extension == "html" {
        return false;
    }
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        // The page's files say behind it which part of the page they are.
        let hash = hash.split_once('_').map_or(hash, |(hash, _)| hash);
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        hash.len() >= 8 && hash.bytes().all(is_digit)
    })
}

fn media_type(name: &str) -> HeaderValue {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    HeaderValue::from_static(match extension {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/vnd.microsoft.icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "txt" | "md" | "rs" | "go" | "toml" => "text/plain; charset=utf-8",
        "xml" => "application/xml",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        assert_eq!(file_name(path).as_deref(), expected, "{path}");
    }

    #[test]
    fn a_path_names_a_file_below_the_site() {
        check("/", Some("index.html"));
        check("/tcp/", Some("tcp/index.html"));
        check("/tcp/ok.html", Some("tcp/ok.html"));
        check("/two%20words.html", Some("two words.html"));
        check("/%252e%252e/x", Some("%2e%2e/x"));
    }

    #[test]
    fn no_path_leads_elsewhere() {
        for path in [
            "",
            "*",
            "index.html",
            "//etc/passwd",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/%2E./x",
            "/..%2fx",
            "/a//b",
            "/./a",
            "/.git/config",
            "/a%00.html",
            "/a%5c..%5cx",
            "/c:/x",
            "/a%0d%0ab",
            "/%",
            "/%2",
            "/%zz",
            "/%ff",
            "/a\\b",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn only_names_with_a_hash_are_kept_for_ever() {
        for name in [
            "lab/page-0f3a99b2c1.js",
            "lab/page-0f3a99b2c1_bg.wasm",
            "lab/page-0f3a99b2c1_parts.js",
            "lab/page-0f3a99b2c1_inspector.wasm",
            "lab/depth-0f3a99b2c1_worker.js",
            "css/general-2459343d.css",
            "clipboard-1626706a.min.js",
        ] {
            assert!(has_content_hash(name), "{name}");
        }
        for name in [
            "index.html",
            "tcp-deadbeef.html",
            "book.js",
            "open-sans-v17-latin.woff2",
            "a-b.js",
        ] {
            assert!(!has_content_hash(name), "{name}");
        }
    }

    #[test]
    fn the_page_gets_the_types_that_browsers_insist_on() {
        assert_eq!(media_type("lab/page_bg.wasm"), "application/wasm");
        assert_eq!(media_type("a.b/c.js"), "text/javascript; charset=utf-8");
        assert_eq!(media_type("unknown"), "application/octet-stream");
    }
}
