//! Hostile bytes on the page, in a real browser: they are shown, and do nothing else.
//!
//! `tests/corpus/bytes` has them, a file each.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::event::Failure;
use wire::{Action, Data, Operation, Trace, dissect, text};
use wirebook_tests::browser::{LabOnPage, NARROW, Reader, WIDE, live};

/// The bytes of a row that are surely shown.
const SURE_BYTES: usize = 24;

/// A hostile payload, and the name of its file.
struct Payload {
    name: String,
    bytes: Vec<u8>,
}

impl Payload {
    /// How a row of it begins.
    fn shown(&self) -> String {
        text::to_escaped(dissect::cut(&self.bytes, SURE_BYTES).0)
    }
}

fn payloads() -> Result<Vec<Payload>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/bytes");
    let mut payloads = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().context("a name")?.to_string_lossy();
        if name != "README.md" {
            payloads.push(Payload {
                name: name.into_owned(),
                bytes: std::fs::read(&path)?,
            });
        }
    }
    payloads.sort_by(|one, other| one.name.cmp(&other.name));
    ensure!(payloads.len() > 20, "only {} payloads", payloads.len());
    Ok(payloads)
}

/// What is wrong with the lab `argument`: something ran, something has become an element or an
/// attribute, a character cannot be seen. A line each.
const LOOK: &str = r#"
  const lab = labOf(argument);
  const wrong = [];
  if (window.ran) wrong.push('a payload has run');
  if (document.cookie) wrong.push('there is a cookie');
  for (const element of lab.querySelectorAll('img, script, iframe, style, link, meta, base, object, embed')) {
    wrong.push(`there is an element ${element.outerHTML}`);
  }
  // Line breaks stand between elements; all else has a shape or is escaped.
  const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u00a0\u034f\u115f\u1160\u2000-\u200a\u202f\u205f\u3000\u3164\ufe00-\ufe0f\uffa0]/u;
  const see = (where, text) => {
    const found = text.replaceAll('\n', '').match(unseen);
    if (found) wrong.push(`${where} has U+${found[0].codePointAt(0).toString(16)}: ${JSON.stringify(text.slice(0, 80))}`);
  };
  // Letters from right to left would draw what stands behind them into their middle.
  for (const text of lab.querySelectorAll('.row-text')) {
    const tops = [...text.getClientRects()].map(piece => Math.round(piece.top));
    if (new Set(tops).size < tops.length) wrong.push(`a row's text is torn: ${text.textContent}`);
  }
  const walker = document.createTreeWalker(lab, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = lab; node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      // Source code has its tabs.
      if (!node.parentElement.closest('.code-text')) see(node.parentElement.outerHTML.slice(0, 80), node.data);
      continue;
    }
    for (const { name, value } of node.attributes) {
      if (name.startsWith('on')) wrong.push(`${node.localName} has ${name}`);
      if (/^\s*javascript:/i.test(value)) wrong.push(`${node.localName} has ${name}=${value}`);
      see(`${name} of ${node.localName}`, value);
    }
  }
  return wrong;
"#;

/// Nothing that was sent does anything but stand there.
async fn stays_text(reader: &Reader, lab: &LabOnPage<'_>, what: &str) -> Result<()> {
    let wrong = reader.run(LOOK, json!(lab.name())).await?;
    ensure!(wrong == json!([]), "{what}: {wrong:#}");
    reader.has_room().await.with_context(|| what.to_owned())?;
    let complaints = reader.has_no_complaints().await;
    complaints.with_context(|| what.to_owned())
}

/// Selects the last row of this kind, so that the inspector shows it.
async fn inspect(lab: &LabOnPage<'_>, end: &str, action: &str) -> Result<()> {
    lab.wait(
        "a row to select",
        "(rows => rows.length && ((rows.at(-1).querySelector('button') ?? rows.at(-1)).click(), true))(
           rowsOf(lab).filter(row => row.dataset.end === argument.value[0]
             && row.dataset.action === argument.value[1]))",
        json!([end, action]),
    )
    .await?;
    lab.wait(
        "the inspector",
        "inspectorOf(lab)?.textContent",
        Value::Null,
    )
    .await
}

/// Where the lesson of this lab listens, as its header says.
async fn address(lab: &LabOnPage<'_>) -> Result<String> {
    let address = lab
        .value_of("lab.textContent.match(/127\\.0\\.0\\.1:\\d+/)?.[0]")
        .await?;
    Ok(address.as_str().context("an address")?.to_owned())
}

#[tokio::test]
async fn a_page_that_let_them_through_would_be_found_out() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("socket.html").await?;
        let lab = reader.lab("tcp_echo");
        lab.becomes("live").await?;
        stays_text(reader, &lab, "as it was").await?;
        for (broken, expected) in [
            ("lab.append('user\\u202etxt.exe')", "U+202e"),
            ("lab.append('a\\u0000b')", "U+0"),
            ("lab.title = 'a\\u200bb'", "title of"),
            ("lab.append(document.createElement('img'))", "element <img>"),
            ("lab.setAttribute('onclick', '')", "has onclick"),
            ("window.ran = true", "has run"),
        ] {
            reader.open("socket.html").await?;
            lab.becomes("live").await?;
            let body = format!("const lab = labOf(argument); {broken}; return true");
            reader.run(&body, json!(lab.name())).await?;
            let wrong = reader.run(LOOK, json!(lab.name())).await?.to_string();
            ensure!(wrong.contains(expected), "{broken}: {wrong}");
        }
        Ok(())
    })
    .await
}

/// Every payload through `tcp_echo`: from the page, and from another program.
async fn through_a_lesson(width: u32) -> Result<()> {
    live(width, async |_, reader| {
        let payloads = payloads()?;
        for payload in &payloads {
            reader.open("socket.html").await?;
            let lab = reader.lab("tcp_echo");
            lab.becomes("live").await?;
            lab.fill("Message", &text::to_escaped(&payload.bytes))
                .await?;
            lab.click("Send").await?;
            let shown = payload.shown();
            for (end, action) in [("client", "write"), ("server", "read"), ("client", "read")] {
                lab.see_row(end, action, &shown)
                    .await
                    .context(payload.name.clone())?;
            }
            inspect(&lab, "server", "read").await?;
            stays_text(reader, &lab, &payload.name).await?;

            let mut peer = TcpStream::connect(address(&lab).await?).await?;
            let mut back = vec![0; payload.bytes.len()];
            peer.write_all(&payload.bytes).await?;
            peer.read_exact(&mut back).await?;
            let port = peer.local_addr()?.port().to_string();
            lab.see_row("server", "accept", &port).await?;
            lab.wait(
                "what the other program has sent",
                "rowsOf(lab).filter(row => row.dataset.end === 'server' && row.dataset.action === 'read'
                   && row.textContent.includes(argument.value)).length > 1",
                json!(shown),
            )
            .await
            .context(payload.name.clone())?;
            inspect(&lab, "server", "write").await?;
            stays_text(reader, &lab, &payload.name).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn hostile_bytes_through_a_lesson_are_shown_and_do_nothing() -> Result<()> {
    through_a_lesson(WIDE).await
}

#[tokio::test]
async fn hostile_bytes_through_a_lesson_are_shown_on_a_phone_and_do_nothing() -> Result<()> {
    through_a_lesson(NARROW).await
}

#[tokio::test]
async fn a_line_of_a_megabyte_breaks_no_page() -> Result<()> {
    live(NARROW, async |_, reader| {
        reader.open("socket.html").await?;
        let lab = reader.lab("tcp_echo");
        lab.becomes("live").await?;
        let peer = TcpStream::connect(address(&lab).await?).await?;
        let (mut read, mut write) = peer.into_split();
        let sent = tokio::spawn(async move { write.write_all(&[b'M'; 1 << 20]).await });
        let mut back = vec![0; 1 << 20];
        read.read_exact(&mut back).await?;
        sent.await??;
        lab.see_row("server", "read", "MMMMMMMM").await?;
        inspect(&lab, "server", "read").await?;
        stays_text(reader, &lab, "1 MB").await?;
        lab.send_text("still here").await?;
        lab.see_row("client", "read", "still here").await
    })
    .await
}

/// Gives the lab this exchange as a file.
async fn open_file(lab: &LabOnPage<'_>, trace: &Trace) -> Result<()> {
    lab.click("Share").await?;
    lab.wait(
        "that the file is chosen",
        "(input => input && (() => { const chosen = new DataTransfer();
            chosen.items.add(new File([argument.value], 'wirebook-tcp_echo.json'));
            input.files = chosen.files;
            input.dispatchEvent(new Event('change', { bubbles: true }));
            return true; })())(lab.querySelector('input[type=file]'))",
        json!(trace.to_json()?),
    )
    .await
}

/// The exchange that was recorded with the book.
fn recorded() -> Result<Trace> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/traces/tcp_echo.json");
    Ok(Trace::from_json(&std::fs::read_to_string(path)?)?)
}

#[tokio::test]
async fn a_shared_exchange_with_hostile_bytes_is_shown_and_does_nothing() -> Result<()> {
    live(WIDE, async |_, reader| {
        let payloads = payloads()?;
        let mut trace = recorded()?;
        let template = trace
            .steps
            .events
            .iter()
            .find(|event| event.action.verb() == "read" && event.data().is_some())
            .context("an event with bytes")?
            .clone();
        let mut sequence = trace.steps.events.iter().map(|event| event.sequence).max();
        let mut add = |action: Action| {
            let next = sequence.unwrap_or_default() + 1;
            sequence = Some(next);
            let mut event = template.clone();
            event.sequence = next;
            event.action = action;
            trace.steps.events.push(event);
        };
        for payload in &payloads {
            add(Action::Read(Data::whole(payload.bytes.clone())));
            // The words of a system come as they are; those that cannot be seen are refused below.
            if let Ok(message) = String::from_utf8(payload.bytes.clone())
                && message.len() <= 512
                && message.chars().all(text::is_visible)
            {
                add(Action::Error {
                    operation: Operation::Read,
                    kind: Failure::Reset,
                    message,
                });
            }
        }
        trace.recorded.version = "<img src=x onerror=window.ran=true>".to_owned();
        let total = trace.steps.events.len();

        reader.open("socket.html").await?;
        let lab = reader.lab("tcp_echo");
        lab.becomes("live").await?;
        open_file(&lab, &trace).await?;
        lab.becomes("shared").await?;
        for payload in &payloads {
            let shown = payload.shown();
            lab.wait(
                &format!("{} in the replay", payload.name),
                "rowsOf(lab).some(row => row.textContent.includes(argument.value))
                   || (buttonOf(lab, 'Step forward')?.click(), false)",
                json!(shown),
            )
            .await?;
            inspect(&lab, &template.end.to_string(), "read").await?;
            stays_text(reader, &lab, &payload.name).await?;
        }
        let all =
            "lab.querySelector('[aria-label=Replay]')?.textContent.match(/of (\\d+) events/)?.[1]";
        ensure!(lab.value_of(all).await? == json!(total.to_string()));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_shared_exchange_whose_words_cannot_be_seen_is_refused() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("socket.html").await?;
        let lab = reader.lab("tcp_echo");
        lab.becomes("live").await?;
        let unseen = payloads()?.into_iter().filter_map(|payload| {
            let word = String::from_utf8(payload.bytes).ok()?;
            (!word.chars().all(text::is_visible)).then_some((payload.name, word))
        });
        let mut refused = 0;
        for (name, word) in unseen {
            let mut trace = recorded()?;
            trace.recorded.version = word;
            open_file(&lab, &trace).await?;
            lab.wait(
                &format!("that the words of {name} are refused"),
                "lab.textContent.includes('words that cannot be shown')",
                Value::Null,
            )
            .await?;
            stays_text(reader, &lab, &name).await?;
            refused += 1;
            reader.open("socket.html").await?;
            lab.becomes("live").await?;
        }
        ensure!(refused > 8, "only {refused}");
        Ok(())
    })
    .await
}
