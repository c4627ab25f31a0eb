//! The book on a plain file server, below a path: every recorded exchange can be read there.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use wirebook_tests::book::labs;
use wirebook_tests::browser::{Reader, Scripts, StaticHost, WIDE, available};

#[tokio::test]
async fn without_javascript_every_step_of_every_lab_says_what_was_observed() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let host = StaticHost::start("some/path", Scripts::Blocked).await?;
    let reader = Reader::at(&host.origin(), WIDE).await?;
    let mut seen = Vec::new();
    for page in host.pages()? {
        reader.open(&page).await?;
        for lab in reader.labs().await? {
            let text = reader
                .run(
                    "return labOf(argument).innerText",
                    Value::String(lab.name().to_owned()),
                )
                .await?;
            let text = text.as_str().unwrap_or_default();
            let (name, spec) = (lab.name(), lab.spec().await?);
            ensure!(text.contains("Recorded on 2"), "{name} shows:\n{text}");
            let observed = reader
                .run(
                    "return labOf(argument).querySelectorAll('.lab-offline-steps > li > ol > li').length",
                    json!(name),
                )
                .await?;
            ensure!(
                observed.as_u64() >= Some(spec.steps.len() as u64),
                "{name} tells less than its steps:\n{text}"
            );
            seen.push(name.to_owned());
        }
    }
    seen.sort();
    let mut all: Vec<String> = labs()?.into_iter().map(|found| found.lab.name).collect();
    all.sort();
    ensure!(
        seen == all,
        "the book has the labs {all:?}, shown are {seen:?}"
    );
    ensure!(host.misses().is_empty(), "not there: {:?}", host.misses());
    reader.leave().await
}

#[tokio::test]
async fn nothing_that_a_page_asks_for_is_missing_and_the_search_finds_steps() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let host = StaticHost::start("some/path", Scripts::Run).await?;
    let reader = Reader::at(&host.origin(), WIDE).await?;
    for page in host.pages()? {
        reader.open(&page).await?;
        for lab in reader.labs().await? {
            // The page has taken over.
            lab.wait(
                "a lab that was started",
                "lab.querySelector('.lab-offline') === null",
                Value::Null,
            )
            .await?;
        }
        let complaints = reader.complaints().await?;
        ensure!(complaints.is_empty(), "{page} says: {complaints:#?}");
    }
    // Words of a step, and of nothing else in the book.
    reader.open("tcp-ok.html?search=leaves+loop+closes").await?;
    reader
        .wait(
            "the chapter among the results",
            "[...document.querySelectorAll('#mdbook-searchresults a')].some(link => link.href.includes('tcp-ok.html'))",
            Value::Null,
        )
        .await?;
    ensure!(host.misses().is_empty(), "not there: {:?}", host.misses());
    reader.leave().await
}
