use super::*;
use crate::gateway::limits::Limits;
use crate::tap::Clock;

const CLIENT: &str = "127.0.0.1:50000";

fn router() -> LessonRouter {
    let source = Source {
        asker: None,
        clock: Clock::new(),
        patience: Limits::default().connect,
    };
    let server = address("127.0.0.1:9090");
    LessonRouter::new(0, Transport::Tcp, &server, Ids::default(), source)
}

fn address(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

/// What a page is told when the server accepts a connection from there.
fn accept(router: &LessonRouter, watching: &Queue) -> usize {
    let conversation = router.conversation_with(&address(CLIENT));
    conversation.sink.record(Event {
        sequence: 1,
        time_ns: 1,
        connection: Some(conversation.id),
        end: wire::End::Server,
        action: Action::Accept {
            peer: address(CLIENT),
        },
        worker: None,
        source: None,
    });
    ToPage::decode(&watching.take_now(1_000)).unwrap().len()
}

fn queue() -> Arc<Queue> {
    Arc::new(Queue::new(&Limits::default()))
}

#[test]
fn a_connection_cut_while_it_is_made_is_shown_to_nobody_else() {
    let (router, watching, gone) = (router(), queue(), queue());
    router.watch(7, &watching);
    // The session ends in the middle of `connect`; the kernel was quicker.
    drop(router.expect(&address(CLIENT), ConnectionId(1), &gone));
    gone.close();
    assert_eq!(accept(&router, &watching), 0);
    // Whoever has the port next is somebody else.
    assert_eq!(accept(&router, &watching), 1);
}

#[test]
fn a_connection_is_its_sessions_in_whatever_order_it_ends() {
    let (router, watching, own) = (router(), queue(), queue());
    router.watch(7, &watching);
    for ends_first in [false, true] {
        let mut expected = router.expect(&address(CLIENT), ConnectionId(1), &own);
        expected.stands();
        if ends_first {
            drop(expected);
            assert_eq!(accept(&router, &watching), 0);
        } else {
            assert_eq!(accept(&router, &watching), 0);
            drop(expected);
        }
        assert_eq!(ToPage::decode(&own.take_now(1_000)).unwrap().len(), 1);
    }
}

#[test]
fn who_watches_no_more_is_told_no_more() {
    let (router, watching) = (router(), queue());
    router.watch(7, &watching);
    let conversation = router.conversation_with(&address(CLIENT));
    router.unwatch(7);
    drop(conversation);
    assert_eq!(accept(&router, &watching), 0);
    router.watch(7, &watching);
    assert_eq!(accept(&router, &watching), 1);
}
