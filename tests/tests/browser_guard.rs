//! What pages of others can do to the gateway, in a real browser: nothing.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use wirebook_tests::browser::{Elsewhere, Program, Reader, WIDE, available, live};

/// The attacker's name leads to this machine, as after DNS rebinding; and the browser's own
/// protection of this machine is off, so that the gateway's is all there is.
const ARGUMENTS: [&str; 2] = [
    "--host-resolver-rules=MAP evil.test 127.0.0.1",
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
];

/// Paths of an image and a script of the book, as its first page names them.
async fn things(reader: &Reader) -> Result<[String; 2]> {
    let paths = reader
        .run(
            "return ['link[rel~=icon]', 'script[src]'].map(selector => {
               const found = document.querySelector(selector);
               return new URL(found.href ?? found.src).pathname;
             })",
            Value::Null,
        )
        .await?;
    Ok(serde_json::from_value(paths)?)
}

/// A program, a reader of it, and somebody else's server.
struct Scene {
    program: Program,
    reader: Reader,
    elsewhere: Elsewhere,
    image: String,
    script: String,
    _state: tempfile::TempDir,
}

/// Plays a story in a scene of its own, if there is a browser.
async fn scene(story: impl AsyncFnOnce(&Scene) -> Result<()>) -> Result<()> {
    if !available() {
        return Ok(());
    }
    let scene = Scene::open().await?;
    let told = story(&scene).await;
    scene.reader.leave().await?;
    told
}

impl Scene {
    async fn open() -> Result<Self> {
        let state = tempfile::tempdir()?;
        let program = Program::start(state.path()).await?;
        let reader = Reader::with_arguments(&program, WIDE, &ARGUMENTS).await?;
        // The reader has the token, and their browser keeps it.
        reader.open("").await?;
        reader.lab("start_here").becomes("live").await?;
        let [image, script] = things(&reader).await?;
        Ok(Self {
            program,
            reader,
            elsewhere: Elsewhere::start().await?,
            image,
            script,
            _state: state,
        })
    }

    fn port(&self) -> Result<&str> {
        let port = self.program.origin().rsplit(':').next();
        port.context("an origin has a port")
    }

    async fn attempts(&self, target: &str) -> Result<Value> {
        self.reader
            .attempts(target, &self.image, &self.script)
            .await
    }

    /// The gateway's own page can do all that the others must not.
    async fn the_own_page_can(&self) -> Result<()> {
        self.reader.open("").await?;
        let own = self.attempts(self.program.origin()).await?;
        for (what, expected) in [
            ("page", "basic 200 with the lessons"),
            ("servers", "basic 200 with the lessons"),
            ("blind", "basic 200 with the lessons"),
            ("image", "loaded"),
            ("script", "loaded"),
            ("socket", "open"),
            // Not even the book frames itself.
            ("frame", "not shown"),
            ("cookies", ""),
        ] {
            ensure!(own[what] == expected, "{what}: {own:#}");
        }
        let kept = own["kept"].as_u64().unwrap_or_default();
        ensure!(kept > 0, "the token is kept here: {own:#}");
        let cookies = self.reader.driver().get_all_cookies().await?;
        ensure!(cookies.is_empty(), "{cookies:?}");
        Ok(())
    }
}

/// What a page of another origin gets.
fn nothing() -> Value {
    no_more_than("TypeError")
}

/// What a page gets that hears this of whatever it fetches.
fn no_more_than(answer: &str) -> Value {
    json!({
        "page": answer,
        "servers": answer,
        "blind": answer,
        "image": "refused",
        "script": "refused",
        "style": "refused",
        "socket": "refused",
        "frame": "not shown",
        "cookies": "",
        "kept": 0,
    })
}

#[tokio::test]
async fn a_page_of_another_origin_gets_nothing_whatever_it_tries() -> Result<()> {
    scene(async |scene| {
        scene.the_own_page_can().await?;
        let elsewhere = scene.elsewhere.address();
        let (own_elsewhere, port) = (format!("http://{elsewhere}"), elsewhere.port());
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("page.html");
        std::fs::write(&file, "<!doctype html><title>A file</title>")?;
        for address in [
            // Another site.
            format!("http://evil.test:{port}/"),
            // The same machine and another port: the same site, and another origin.
            format!("{own_elsewhere}/"),
            format!("http://localhost:{port}/"),
            // Pages whose origin is null.
            "data:text/html,<!doctype html><title>Data</title>".to_owned(),
            format!("file://{}", file.display()),
        ] {
            scene.reader.goto(&address).await?;
            let tried = scene.attempts(scene.program.origin()).await?;
            ensure!(tried == nothing(), "{address}: {tried:#}");
            // A page cannot see why a frame stays empty; the console tells the developer.
            let complaints = scene.reader.complaints().await?;
            let framed = complaints.iter().any(|one| one.contains("frame-ancestors"));
            ensure!(framed, "{address}: {complaints:#?}");
            // Where the server lets it, the same page reads and embeds: it is not the browser's doing.
            let control = scene.attempts(&own_elsewhere).await?;
            for what in ["page", "servers"] {
                let read = control[what].as_str().unwrap_or_default();
                ensure!(read.ends_with(" 200"), "{address}: {control:#}");
            }
            ensure!(control["script"] == "loaded", "{address}: {control:#}");
        }
        scene.the_own_page_can().await
    })
    .await
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_machine_gets_nothing() -> Result<()> {
    scene(async |scene| {
        let rebound = format!("http://evil.test:{}", scene.port()?);
        scene.reader.goto(&format!("{rebound}/")).await?;
        let refused = "document.body.textContent.includes('asks for another host')";
        let shown = "the gateway's refusal";
        scene.reader.wait(shown, refused, Value::Null).await?;
        // As if the attacker had served this page before its name was led here: without our policy.
        let cdp = scene.reader.driver().cdp();
        cdp.send_raw("Page.setBypassCSP", json!({ "enabled": true }))
            .await?;
        scene.reader.goto(&format!("{rebound}/")).await?;
        let origin = scene.reader.run("return origin", Value::Null).await?;
        ensure!(origin == json!(rebound));

        // To its own name it is the same origin, so that it may read: there is nothing to read.
        let tried = scene.attempts(&rebound).await?;
        ensure!(tried == no_more_than("basic 421"), "{tried:#}");
        // And by its address the gateway is another origin.
        let tried = scene.attempts(scene.program.origin()).await?;
        ensure!(tried == nothing(), "{tried:#}");
        let named = format!("http://localhost:{}", scene.port()?);
        let tried = scene.attempts(&named).await?;
        ensure!(tried == nothing(), "{tried:#}");
        // The policy is on again for the reader's own page, and that page works.
        cdp.send_raw("Page.setBypassCSP", json!({ "enabled": false }))
            .await?;
        scene.the_own_page_can().await
    })
    .await
}

/// The addresses of these lessons, by what the gateway tells programs.
async fn lessons(reader: &Reader, names: &[&str]) -> Result<Vec<String>> {
    let found = reader
        .driver()
        .execute_async(
            "const [names, done] = arguments;
             fetch('/api/servers').then(answer => answer.json()).then(rows =>
               done(names.map(name => rows.find(row => row.name === name).address)))",
            vec![json!(names)],
        )
        .await?;
    Ok(serde_json::from_value(found.json().clone())?)
}

#[tokio::test]
async fn what_a_lesson_answers_is_never_a_page_or_a_script() -> Result<()> {
    scene(async |scene| {
        scene.reader.open("").await?;
        // Those that answer enough for the browser to see what it is.
        let names = ["tcp_line", "tcp_echo"];
        let addresses = lessons(&scene.reader, &names).await?;
        let page = format!("http://{}/", scene.elsewhere.address());
        for address in addresses {
            // The echo server would answer with what it is asked for.
            let hostile = format!("http://{address}/;window.ran=true;//");
            scene.reader.goto(&hostile).await?;
            let look = "return [origin, document.body.innerText]";
            let shown = scene.reader.run(look, Value::Null).await?;
            let text = shown[1].as_str().unwrap_or_default();
            ensure!(
                shown[0] == "null" && text.contains("ERR_INVALID_HTTP_RESPONSE"),
                "{address} is shown as a page: {shown:#}"
            );
            scene.reader.goto(&page).await?;
            let script = scene
                .reader
                .driver()
                .execute_async(
                    "const [address, done] = arguments;
                     const script = document.createElement('script');
                     script.onload = () => done('loaded');
                     script.onerror = () => done(window.ran ? 'ran' : 'refused');
                     script.src = address;
                     document.head.append(script)",
                    vec![json!(hostile)],
                )
                .await?;
            let script = script.json();
            ensure!(script == "refused", "{address}: {script}");
        }
        Ok(())
    })
    .await
}

/// Runs before each page's own scripts: takes note of what the policy forbids.
const WITNESS: &str = "window.forbidden = [];
    document.addEventListener('securitypolicyviolation', event => {
      window.forbidden.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sourceFile}`);
      // Whoever waits for changes of the page hears of it.
      document.documentElement.dataset.forbidden = window.forbidden.length;
    });";

/// What the open page has that a policy without `unsafe-inline` forbids, and the policy itself.
const LOOK: &str = "const done = arguments[0];
    const hash = async text => btoa(String.fromCharCode(
      ...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))));
    const elements = [...document.querySelectorAll('*')];
    (async () => done({
      policy: (await fetch(location.href)).headers.get('content-security-policy'),
      scripts: await Promise.all([...document.querySelectorAll('script:not([src])')]
        .filter(script => !script.type || script.type === 'module' || script.type === 'text/javascript')
        .map(async script => `'sha256-${await hash(script.text)}'`)),
      handlers: elements.flatMap(element => element.getAttributeNames()
        .filter(name => name.startsWith('on')).map(name => `${element.localName} ${name}`)),
      links: elements.map(element => element.getAttribute('href') ?? element.getAttribute('src') ?? '')
        .filter(link => /^\\s*(javascript|vbscript|data:text)/i.test(link)),
      forbidden: window.forbidden,
    }))()";

#[tokio::test]
async fn every_inline_script_of_the_book_has_its_hash_in_the_policy_and_nothing_is_forbidden()
-> Result<()> {
    live(WIDE, async |_, reader| {
        let witness = json!({ "source": WITNESS });
        let cdp = reader.driver().cdp();
        cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", witness)
            .await?;
        reader.open("").await?;
        let mut pages = reader.pages().await?;
        pages.extend(["", "print.html", "404.html", "toc.html"].map(str::to_owned));
        ensure!(pages.len() > 15, "only {pages:?} were found");
        let mut scripts = 0;
        for page in pages {
            reader.open(&page).await?;
            for lab in reader.labs().await? {
                // The page has taken over: its modules and styles are loaded.
                if page != "print.html" {
                    let taken = "lab.querySelector('.lab-offline') === null";
                    lab.wait("a lab that was started", taken, Value::Null)
                        .await?;
                }
            }
            let found = reader.driver().execute_async(LOOK, Vec::new()).await?;
            let found = found.json();
            let policy = found["policy"].as_str().context("a policy")?;
            let directives: Vec<&str> = policy.split("; ").collect();
            let of_scripts = directives.iter().find(|one| one.starts_with("script-src "));
            let sources: Vec<&str> = of_scripts.context(page.clone())?.split(' ').collect();
            ensure!(
                !policy.contains("'unsafe-eval'") && !sources.contains(&"'unsafe-inline'"),
                "{page}: {policy}"
            );
            let inline: Vec<String> = serde_json::from_value(found["scripts"].clone())?;
            for hash in &inline {
                ensure!(sources.contains(&hash.as_str()), "{page}: {hash}: {policy}");
            }
            scripts += inline.len();
            for what in ["handlers", "links", "forbidden"] {
                ensure!(found[what] == json!([]), "{page}: {what}: {found:#}");
            }
            let mut complaints = reader.complaints().await?;
            // The list of chapters, which is framed without JavaScript, names no icon.
            complaints.retain(|one| !one.contains("/favicon.ico"));
            ensure!(complaints.is_empty(), "{page}: {complaints:#?}");
        }
        ensure!(scripts > 10, "only {scripts} inline scripts were found");

        // What the policy is for: none of these runs, and each is noticed.
        reader.open("").await?;
        let forbidden = reader
            .wait(
                "that all was forbidden",
                "(() => {
                   if (!window.tried) {
                     window.tried = true;
                     const script = document.createElement('script');
                     script.text = 'window.ran = true';
                     const image = document.createElement('img');
                     image.setAttribute('onerror', 'window.ran = true');
                     image.src = 'data:,';
                     const frame = document.createElement('iframe');
                     frame.src = 'http://127.0.0.1:1/';
                     document.body.append(script, image, frame);
                     document.body.insertAdjacentHTML('beforeend', '<a href=javascript:window.ran=true>');
                     document.body.lastChild.click();
                     new Image().src = 'http://127.0.0.1:1/';
                     fetch('http://127.0.0.1:1/').catch(() => {});
                   }
                   const directives = window.forbidden.map(one => one.split(':')[0]);
                   return ['script-src-elem', 'script-src-attr', 'frame-src', 'img-src', 'connect-src']
                     .every(one => directives.includes(one)) && window.forbidden;
                 })()",
                Value::Null,
            )
            .await?;
        let ran = reader.run("return window.ran ?? false", Value::Null).await?;
        ensure!(ran == json!(false), "{forbidden:#}");
        Ok(())
    })
    .await
}
