//! Labs in a simulated network, played as the recorder plays them.

use anyhow::{Context as _, Result, ensure};
use wire::lab::{Choice, Lab, Question, Step};
use wire::{Play, Seen, TcpState};
use wirebook_tests::simulated::play;

fn plays(phrases: &[&str]) -> Result<Vec<Play>> {
    let plays = phrases.iter().map(|phrase| phrase.parse());
    plays.collect::<Result<_, _>>().context("a phrase")
}

fn lab(server: &str, network: &str, steps: &[(&[&str], &str)]) -> Result<Lab> {
    let mut lab = Lab {
        name: "simulated".to_owned(),
        server: server.to_owned(),
        network: Some(network.parse()?),
        hash: String::new(),
        controls: Vec::new(),
        steps: Vec::new(),
        questions: Vec::new(),
        experiments: Vec::new(),
        listings: Vec::new(),
        recorded: None,
    };
    for (play, seen) in steps {
        lab.steps.push(Step {
            say: Vec::new(),
            play: plays(play)?,
            seen: seen.parse()?,
            hints: Vec::new(),
        });
    }
    Ok(lab)
}

#[test]
fn a_lab_plays_the_same_each_time() -> Result<()> {
    let steps: [(&[&str], &str); 4] = [
        (&["connect"], "client connect"),
        (&["send \"hello\""], "client read \"hello\""),
        (&["close"], "wire FIN from server"),
        (&[], "client state TIME-WAIT"),
    ];
    let lab = lab(
        "sim_echo",
        "delay=20 jitter=9 loss=30 duplicate=20 reorder=20",
        &steps,
    )?;
    let (one, other) = (play(&lab)?, play(&lab)?);
    ensure!(one.steps == other.steps, "two runs differ");
    ensure!(one.steps.ticks.len() == 4);
    Ok(())
}

#[test]
fn a_trap_makes_a_client_send_its_syn_again_and_in_the_end_give_up() -> Result<()> {
    let steps: [(&[&str], &str); 3] = [
        (
            &["drop SYN 20 times", "connect"],
            "wire drop SYN from client",
        ),
        (&[], "wire retransmission 6 times"),
        (&[], "client error timed-out"),
    ];
    let lab = lab("sim_ok", "delay=50", &steps)?;
    let played = play(&lab)?;
    let last = played.steps.events.last().context("no event")?;
    ensure!(last.time_ns == 127_000_000_000, "{last:?}");
    Ok(())
}

#[test]
fn silence_passes_on_the_simulated_clock_and_states_are_seen() -> Result<()> {
    let steps: [(&[&str], &str); 3] = [
        (&["connect", "send \"x\""], "client end"),
        (&[], "client nothing for 2 s"),
        (&["close"], "server state TIME-WAIT"),
    ];
    let lab = lab("sim_ok", "delay=50", &steps)?;
    let began = std::time::Instant::now();
    let played = play(&lab)?;
    ensure!(began.elapsed().as_secs() < 2, "it waits for a real clock");
    let is_closed = |state: &wire::Action| matches!(state, wire::Action::Kernel(kernel) if kernel.state == TcpState::Closed);
    // TIME-WAIT is waited for by nobody.
    ensure!(
        played
            .steps
            .events
            .iter()
            .any(|event| is_closed(&event.action))
    );
    Ok(())
}

/// An answer to a question of which only matters what is then seen.
fn choice(seen: &str) -> Result<Choice> {
    let seen: Seen = seen.parse()?;
    let (say, why) = (Vec::new(), Vec::new());
    Ok(Choice { say, seen, why })
}

#[test]
fn a_question_is_played_in_a_network_as_it_was_at_first() -> Result<()> {
    let mut lab = lab("sim_echo", "delay=50", &[(&["connect"], "client connect")])?;
    lab.questions.push(Question {
        ask: Vec::new(),
        play: plays(&["drop data from client", "connect", "send \"x\""])?,
        choices: vec![
            choice("client error")?,
            choice("client read \"x\"")?,
            choice("client nothing for 60 s")?,
        ],
    });
    let played = play(&lab)?;
    ensure!(
        played.questions[0].outcome == 1,
        "{:?}",
        played.questions[0]
    );
    Ok(())
}

#[test]
fn what_comes_behind_connect_is_done_when_the_connection_is_there() -> Result<()> {
    let mut lab = lab("sim_sink", "delay=50", &[(&["connect"], "client connect")])?;
    lab.questions.push(Question {
        ask: Vec::new(),
        play: plays(&["connect", "network delay=50 loss=100", "send \"x\""])?,
        choices: vec![choice("client error")?, choice("client write \"x\"")?],
    });
    let outcome = play(&lab)?.questions[0].outcome;
    ensure!(outcome == 1, "the SYN was lost");
    Ok(())
}

#[test]
fn a_step_that_cannot_tick_is_told() -> Result<()> {
    let lab = lab(
        "sim_sink",
        "delay=50",
        &[(&["connect"], "client read \"x\"")],
    )?;
    let error = play(&lab).err().context("it was played")?;
    let told = error.to_string();
    ensure!(told.contains("step 1 did not tick"), "{told}");
    ensure!(told.contains("nothing more will happen"), "{told}");
    Ok(())
}
