//! The program as a person starts it, with the privilege to see packets and without.

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use wire::End;
use wire::session::{Asked, Packets};
use wirebook_tests::browser::{Program, binary};
use wirebook_tests::gateway::write_site;
use wirebook_tests::requirements;
use wirebook_tests::session::Session;

use super::{is, words};

/// The program, with a book of two pages; and a session with it.
struct Started {
    program: Program,
    session: Session,
    _folder: TempDir,
}

impl Started {
    async fn new(may_see_packets: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let site = folder.path().join("site");
        write_site(&site)?;
        let state = folder.path().join("state");
        let arguments = vec!["--site".into(), site.into()];
        let program = match may_see_packets {
            true => Program::start_with(&state, arguments).await?,
            false => Program::start_unprivileged_with(&state, arguments).await?,
        };
        let session = Session::begin(program.address()?, program.token()).await?;
        Ok(Self {
            program,
            session,
            _folder: folder,
        })
    }

    /// What a thread may do, as the system says: for each of its sets of capabilities, whether
    /// CAP_NET_RAW is in it.
    fn capabilities(&self) -> Result<Vec<(String, bool)>> {
        const NET_RAW: u32 = 13;
        let id = self.program.id().context("it runs")?;
        let mut capabilities = Vec::new();
        for thread in std::fs::read_dir(format!("/proc/{id}/task"))? {
            let status = std::fs::read_to_string(thread?.path().join("status"))?;
            let sets = status.lines().filter(|line| line.starts_with("Cap"));
            for (name, bits) in sets.filter_map(|line| line.split_once(":\t")) {
                let bits = u64::from_str_radix(bits, 16)?;
                capabilities.push((name.to_owned(), bits >> NET_RAW & 1 == 1));
            }
        }
        Ok(capabilities)
    }
}

#[tokio::test]
async fn the_running_program_has_given_its_privilege_up_and_sees_packets_nevertheless() -> Result<()>
{
    if !requirements::can_capture() {
        return Ok(());
    }
    let mut started = Started::new(true).await?;
    // Threads of all kinds are there now.
    let connection = {
        let page = &mut started.session;
        assert_eq!(page.welcome().abilities.packets, Packets::Captured);
        page.look_at_packets("tcp_ok", true).await?;
        page.open("tcp_ok").await?
    };
    let capabilities = started.capabilities()?;
    assert!(capabilities.len() >= 10, "{capabilities:?}");
    for (set, has_net_raw) in capabilities {
        assert!(!has_net_raw, "CAP_NET_RAW is in {set}");
    }
    let syn = is(connection, "client SYN 0");
    started.session.until(syn).await?;
    Ok(())
}

#[tokio::test]
async fn without_the_privilege_the_page_learns_why_and_what_to_type() -> Result<()> {
    let mut started = Started::new(false).await?;
    let page = &mut started.session;
    let Packets::Missing { why, command } = page.welcome().abilities.packets.clone() else {
        panic!("packets are seen without the privilege");
    };
    assert!(why.contains("privilege"), "{why}");
    let program = std::fs::canonicalize(binary())?;
    let command = command.context("there is a command")?;
    assert!(
        command.starts_with("sudo setcap cap_net_raw=ep "),
        "{command}"
    );
    assert!(command.contains(&*program.to_string_lossy()), "{command}");

    // Who asks nevertheless is told, and everything else works.
    page.look_at_packets("tcp_ok", true).await?;
    page.refused(Asked::Watch).await?;
    let connection = page.open("tcp_ok").await?;
    page.send(connection, "hello").await?;
    page.until(|event| event.end == End::Client && event.action.verb() == "read")
        .await?;
    assert_eq!(words(page.observed()), [""; 0]);
    Ok(())
}
