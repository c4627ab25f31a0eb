//! What the kernel says of connections, told to the pages that look.
#![cfg(target_os = "linux")]

use anyhow::Result;
use wire::kernel::TcpState;
use wire::{Action, ConnectionId, End, Event, Kernel, ToGateway};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::session::Session;

fn sample(event: &Event) -> Option<&Kernel> {
    match &event.action {
        Action::Kernel(kernel) => Some(kernel),
        _ => None,
    }
}

/// Waits until an end of a connection is in a state.
async fn until(
    session: &mut Session,
    connection: ConnectionId,
    end: End,
    state: TcpState,
) -> Result<Event> {
    let is_it = |event: &Event| {
        event.connection == Some(connection)
            && event.end == end
            && sample(event).is_some_and(|kernel| kernel.state == state)
    };
    session.until(is_it).await
}

fn look(lesson: &str, kernel: bool) -> ToGateway {
    ToGateway::Look {
        lesson: lesson.to_owned(),
        packets: false,
        kernel,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_are_followed_from_established_to_time_wait() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    assert!(session.welcome().abilities.kernel);
    session.watch("tcp_echo").await?;
    session.say(&[look("tcp_echo", true)]).await?;
    let id = session.open("tcp_echo").await?;
    until(&mut session, id, End::Client, TcpState::Established).await?;
    until(&mut session, id, End::Server, TcpState::Established).await?;

    session.send(id, vec![1; 5_000]).await?;
    let measured = |event: &Event| {
        event.end == End::Client && sample(event).is_some_and(|kernel| kernel.rtt_us.is_some())
    };
    let event = session.until(measured).await?;
    let kernel = sample(&event).cloned();
    let numbers = kernel.as_ref();
    assert!(numbers.and_then(|kernel| kernel.cwnd) > Some(0));
    assert!(numbers.and_then(|kernel| kernel.rto_us) > numbers.and_then(|kernel| kernel.rtt_us));

    // The echo server ends when its client has half-closed, so its own goodbye is the second one.
    session.half_close(id).await?;
    until(&mut session, id, End::Client, TcpState::TimeWait).await?;
    session.close(id).await?;
    until(&mut session, id, End::Server, TcpState::Closed).await?;

    // A sample is behind what it is about, and none is told twice in a row.
    let events = session.events();
    for end in [End::Client, End::Server] {
        let samples: Vec<_> = events
            .iter()
            .filter(|event| event.end == end)
            .filter_map(sample)
            .collect();
        assert!(samples.windows(2).all(|pair| pair[0] != pair[1]));
        let last = samples
            .iter()
            .rposition(|one| one.state == TcpState::Established);
        let first = samples
            .iter()
            .position(|one| one.state != TcpState::Established);
        assert!(last < first, "{samples:?}");
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_left_is_in_close_wait() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    // It reads to the end and then works for a while before it says goodbye.
    session.watch("tcp_last_word").await?;
    session.say(&[look("tcp_last_word", true)]).await?;
    let id = session.open("tcp_last_word").await?;
    session.half_close(id).await?;
    until(&mut session, id, End::Client, TcpState::FinWait2).await?;
    until(&mut session, id, End::Server, TcpState::CloseWait).await?;
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_look_is_told_nothing_and_nobody_sees_another_ones_connection() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut looks = gateway.session().await?;
    let mut does_not = gateway.session().await?;
    for session in [&mut looks, &mut does_not] {
        session.watch("tcp_ok").await?;
    }
    looks.say(&[look("tcp_ok", true)]).await?;
    looks.answered().await?;

    let theirs = does_not.open("tcp_ok").await?;
    does_not.send(theirs, "hello").await?;
    let answered =
        |event: &Event| matches!(event.action, Action::Read(_)) && event.end == End::Client;
    does_not.until(answered).await?;
    does_not.close(theirs).await?;
    does_not
        .until(|event| event.action == Action::Close && event.end == End::Client)
        .await?;

    let own = looks.open("tcp_ok").await?;
    until(&mut looks, own, End::Client, TcpState::Established).await?;
    assert!(
        looks
            .events()
            .iter()
            .all(|event| event.connection != Some(theirs))
    );

    // It looks away: what it is told from then on has no samples.
    looks.say(&[look("tcp_ok", false)]).await?;
    looks.answered().await?;
    let so_far = looks.observed().len();
    looks.send(own, "hello").await?;
    looks.until(answered).await?;
    looks.close(own).await?;
    looks
        .until(|event| event.action == Action::Close && event.end == End::Client)
        .await?;
    looks.answered().await?;
    assert_eq!(looks.observed()[so_far..].iter().find_map(sample), None);

    does_not.answered().await?;
    assert_eq!(does_not.events().iter().find_map(sample), None);
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_sees_both_ends_of_an_outside_programs_connection() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("tcp_ok").await?;
    let stream = tokio::net::TcpStream::connect(gateway.server("tcp_ok")?).await?;
    let accepted = session
        .until(|event| event.action.verb() == "accept")
        .await?;
    let id = accepted.connection.unwrap_or(ConnectionId(0));

    // It looks at what is there already, too.
    session.say(&[look("tcp_ok", true)]).await?;
    until(&mut session, id, End::Client, TcpState::Established).await?;
    until(&mut session, id, End::Server, TcpState::Established).await?;
    drop(stream);
    until(&mut session, id, End::Client, TcpState::TimeWait).await?;
    until(&mut session, id, End::Server, TcpState::Closed).await?;
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_that_nobody_answers_is_in_syn_sent() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("tcp_full").await?;
    session.say(&[look("tcp_full", true)]).await?;
    // The backlog takes some; what comes then is not answered.
    for _ in 0..8 {
        session.open("tcp_full").await?;
    }
    session
        .until(|event| sample(event).is_some_and(|kernel| kernel.state == TcpState::SynSent))
        .await?;
    assert!(gateway.stop().await);
    Ok(())
}
