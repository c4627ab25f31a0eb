use super::*;

const LOSSY: RelaySettings = RelaySettings {
    seed: 7,
    loss_percent: 30,
    duplicate_percent: 20,
    reorder_percent: 10,
    delay_ms: 40,
};

fn client(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The fates of the first thousand to the server.
fn fates(settings: RelaySettings) -> Vec<Fate> {
    (0..1_000)
        .map(|number| fate(&settings, Way::ToServer, number))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_fates_and_another_gives_others() {
    assert_eq!(fates(LOSSY), fates(LOSSY));
    assert_ne!(fates(LOSSY), fates(RelaySettings { seed: 8, ..LOSSY }));
}

#[test]
fn the_two_ways_have_fates_of_their_own() {
    let way = |way| move |number| fate(&LOSSY, way, number).copies;
    let to_server: Vec<_> = (0..100).map(way(Way::ToServer)).collect();
    let to_client: Vec<_> = (0..100).map(way(Way::ToClient)).collect();
    assert_ne!(to_server, to_client);
}

#[test]
fn of_a_hundred_about_as_many_are_hit_as_was_asked_for() {
    let fates = fates(LOSSY);
    let share = |is: fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count();
    let lost = share(|fate| fate.copies == 0);
    assert!((250..350).contains(&lost), "{lost} of 1000 are lost");
    // Of the other 700.
    let doubled = share(|fate| fate.copies == 2);
    assert!((110..170).contains(&doubled), "{doubled} are doubled");
    let behind = share(|fate| fate.hold > Duration::from_millis(40));
    assert!((70..130).contains(&behind), "{behind} are held back");
}

#[test]
fn nothing_happens_that_was_not_asked_for() {
    let passed = Fate {
        copies: 1,
        hold: Duration::ZERO,
    };
    let settings = RelaySettings {
        seed: 7,
        ..RelaySettings::default()
    };
    assert!(fates(settings).iter().all(|fate| *fate == passed));
}

#[test]
fn all_are_hit_at_a_hundred_percent() {
    let settings = RelaySettings {
        duplicate_percent: 100,
        reorder_percent: 100,
        ..RelaySettings::default()
    };
    let hold = Duration::from_millis(OVERTAKE_MS.into());
    let expected = Fate { copies: 2, hold };
    assert!(fates(settings).iter().all(|fate| *fate == expected));
    let settings = RelaySettings {
        loss_percent: 100,
        ..settings
    };
    assert!(fates(settings).iter().all(|fate| fate.copies == 0));
}

#[test]
fn no_delay_is_longer_than_the_longest() {
    let settings = RelaySettings {
        delay_ms: u16::MAX,
        reorder_percent: 100,
        ..RelaySettings::default()
    };
    let longest = Duration::from_millis((MAX_DELAY_MS + OVERTAKE_MS).into());
    assert_eq!(fate(&settings, Way::ToClient, 0).hold, longest);
}

#[test]
fn more_loss_leaves_the_others_as_they_were() {
    let more = fates(RelaySettings {
        loss_percent: 60,
        ..LOSSY
    });
    for (less, more) in fates(LOSSY).iter().zip(&more) {
        assert!(more.copies == 0 || more == less);
    }
}

#[test]
fn a_client_is_counted_from_the_start_when_its_settings_change() {
    let settings = Settings::new(RelaySettings::default());
    let mut link = Link::new(settings.clone(), client(1));
    let mut next = |count| -> Vec<_> {
        (0..count)
            .map(|_| link.fate(Way::ToServer, b"").copies)
            .collect()
    };
    assert_eq!(next(3), [1, 1, 1]);
    settings.set(client(1), LOSSY);
    let first = next(50);
    settings.set(client(1), LOSSY);
    assert_eq!(next(50), first);
    assert!(first.contains(&0));
    settings.forget(client(1));
    assert_eq!(next(3), [1, 1, 1]);
}

#[test]
fn each_client_has_its_own_settings() {
    let settings = Settings::new(RelaySettings::default());
    let lose_all = RelaySettings {
        loss_percent: 100,
        ..RelaySettings::default()
    };
    settings.set(client(1), lose_all);
    let copies = |port| {
        Link::new(settings.clone(), client(port))
            .fate(Way::ToServer, b"")
            .copies
    };
    assert_eq!((copies(1), copies(2)), (0, 1));
}

#[test]
fn the_settings_of_only_so_many_clients_are_remembered() {
    let settings = Settings::new(RelaySettings::default());
    for number in 0..=MAX_CLIENTS {
        settings.set(client(u16::try_from(number).unwrap()), LOSSY);
    }
    assert_eq!(settings.clients().by_address.len(), MAX_CLIENTS);
    settings.forget(client(0));
    settings.set(client(u16::MAX), LOSSY);
    assert_eq!(settings.of(client(u16::MAX)).1, LOSSY);
}
