//! Between the state and the browser: the page's session, its labs, and the clock.

mod simulated;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};

use leptos::prelude::*;
use web_sys::HtmlElement;
use wire::session::{SUBPROTOCOL, Welcome, close, is_simulated};
use wire::{ToGateway, ToPage};

use crate::browser::{
    self, ELSEWHERE, Frame, Interval, Listener, Saved, Simulator, Socket, SocketEvent,
};
use crate::state::{Do, Fragment, Heard, Input, Lab, Link, Looks, Phase, Reel, fragment};

/// Where the loader keeps the token from the link that the gateway printed.
const TOKEN_KEY: &str = "wirebook.token";

/// How often the page looks at the clock.
const TICK_MS: i32 = 250;

/// The most messages that wait for the next frame.
const MAX_INBOX: usize = 2_000;

/// One page of the book with its labs.
pub(crate) struct Page {
    /// The session with the gateway.
    pub(crate) link: RwSignal<Link>,
    /// The clock, which moves while something counts down.
    pub(crate) now_ms: RwSignal<f64>,
    /// The path of this chapter from the top of the book.
    pub(crate) chapter: Option<String>,
    /// Moves whenever the present of a simulated network is another.
    pub(crate) beat: RwSignal<u32>,
    labs: Vec<RwSignal<Lab>>,
    says_build: bool,
    socket: RefCell<Option<Socket>>,
    /// The simulators of the labs that have one, in their order.
    simulators: OnceCell<Vec<Option<Simulator>>>,
    /// What came since the last frame, and the lab whose simulator said it.
    inbox: RefCell<Vec<(Option<usize>, ToPage)>>,
    frame: RefCell<Option<Frame>>,
    is_frame_due: Cell<bool>,
    /// The gateway's clock and the page's at the last welcome.
    clocks: Cell<Option<(u64, f64)>>,
    _interval: Interval,
    _listeners: Vec<Listener>,
}

impl Page {
    /// A page of `build` with these labs; nothing happens before [`Page::start`].
    pub(crate) fn new(
        build: Option<String>,
        chapter: Option<String>,
        labs: Vec<RwSignal<Lab>>,
    ) -> Rc<Self> {
        let mut lessons: Vec<String> = Vec::new();
        for lab in &labs {
            let lesson = lab.with_untracked(|lab| lab.spec.server.clone());
            // A simulated one is no business of the gateway's.
            if !is_simulated(&lesson) && !lessons.contains(&lesson) {
                lessons.push(lesson);
            }
        }
        Rc::new_cyclic(|page: &Weak<Self>| Self {
            says_build: build.is_some(),
            link: RwSignal::new(Link::new(build, lessons)),
            now_ms: RwSignal::new(browser::now_ms()),
            chapter,
            beat: RwSignal::new(0),
            labs,
            socket: RefCell::new(None),
            simulators: OnceCell::new(),
            inbox: RefCell::new(Vec::new()),
            frame: RefCell::new(None),
            is_frame_due: Cell::new(false),
            clocks: Cell::new(None),
            _interval: Interval::new(TICK_MS, on(page, |page| page.tick())),
            _listeners: listeners(page),
        })
    }

    /// The labs before the one at this place.
    pub(crate) fn labs_before(&self, place: usize) -> &[RwSignal<Lab>] {
        self.labs.get(..place).unwrap_or_default()
    }

    /// Looks for the gateway that the page comes from, and prepares the simulators of its labs,
    /// which are in these elements.
    pub(crate) fn start(self: &Rc<Self>, hosts: &[HtmlElement]) {
        let labs = hosts.iter().zip(&self.labs).enumerate();
        let simulators = labs.map(|(place, (host, lab))| self.simulator(place, host, *lab));
        // A page is started once.
        let _ = self.simulators.set(simulators.collect());
        self.find_gateway();
        self.open_fragment();
    }

    fn find_gateway(self: &Rc<Self>) {
        // A book on a static host reaches for nothing on the reader's machine.
        let is_from_gateway = self.says_build
            && browser::location().is_some_and(|(protocol, hostname, _)| {
                protocol == "http:" && hostname == "127.0.0.1"
            });
        self.hear(Heard::Start {
            is_from_gateway,
            token: browser::stored(TOKEN_KEY),
        });
    }

    /// Shows what the page's address asks for.
    fn open_fragment(&self) {
        let (name, reel) = match fragment(&browser::fragment()) {
            Fragment::Other => return,
            Fragment::Event(name, event) => (name, Reel::Recorded(event)),
            Fragment::Shared(Ok(trace), event) => {
                (trace.lab.clone(), Reel::Shared(trace, event.unwrap_or(0)))
            }
            Fragment::Shared(Err(why), _) => (String::new(), Reel::Fail(why)),
        };
        let mut labs = self.labs.iter();
        let meant = labs.find(|lab| lab.with_untracked(|lab| lab.spec.name == name));
        let (lab, reel) = match (meant, reel) {
            (Some(lab), reel) => (Some(lab), reel),
            // It may be a heading of the chapter.
            (None, Reel::Recorded(_)) => return,
            (None, Reel::Shared(..)) => {
                let why = ["This page has no lab ", &name, ", which the link is about."].concat();
                (self.labs.first(), Reel::Fail(why))
            }
            (None, reel) => (self.labs.first(), reel),
        };
        if let Some(lab) = lab {
            self.act(*lab, Input::Reel(reel));
        }
    }

    /// Hands an input of the reader to a lab, and what the lab says to the gateway.
    pub(crate) fn act(&self, lab: RwSignal<Lab>, input: Input) {
        let said = lab.try_update(|lab| lab.update(input)).unwrap_or_default();
        self.say(lab, &said);
    }

    /// Tries to reach the gateway at once.
    pub(crate) fn try_now(self: &Rc<Self>) {
        let lacks_token = self
            .link
            .with_untracked(|link| matches!(link.phase, Phase::NoToken | Phase::WrongToken));
        if lacks_token {
            // The link may have been opened in another tab meanwhile.
            self.find_gateway();
            self.open_fragment();
        } else {
            self.hear(Heard::TryNow);
        }
    }

    fn hear(self: &Rc<Self>, heard: Heard) {
        let now_ms = browser::now_ms();
        let wanted = self.link.try_update(|link| link.update(heard, now_ms));
        for wanted in wanted.unwrap_or_default() {
            match wanted {
                Do::Connect => self.connect(),
                Do::Send(message) => self.send(&[message]),
                Do::Disconnect => drop(self.socket.take()),
                Do::Reload => browser::reload(),
            }
        }
        let phase = self.link.with_untracked(|link| link.phase.clone());
        if !matches!(phase, Phase::Connecting | Phase::Live) {
            for lab in self.gateway_labs() {
                if lab.with_untracked(Lab::lacks_exchange) {
                    self.act(lab, Input::Reel(Reel::Unreachable));
                }
            }
        }
    }

    /// The labs whose servers a gateway runs.
    fn gateway_labs(&self) -> impl Iterator<Item = RwSignal<Lab>> {
        let labs = self.labs.iter().copied();
        labs.filter(|lab| lab.with_untracked(|lab| lab.simulated.is_none()))
    }

    fn connect(self: &Rc<Self>) {
        let Some((_, _, host)) = browser::location() else {
            return;
        };
        let page = Rc::downgrade(self);
        let url = ["ws://", &host, "/session"].concat();
        let socket = Socket::open(&url, SUBPROTOCOL, move |event| {
            if let Some(page) = page.upgrade() {
                page.socket_event(event);
            }
        });
        let failed = socket.is_none();
        // The old one is dropped after the borrow has ended.
        drop(self.socket.replace(socket));
        if failed {
            self.hear(Heard::Closed { code: 1006 });
        }
    }

    fn socket_event(self: &Rc<Self>, event: SocketEvent) {
        match event {
            SocketEvent::Opened => self.hear(Heard::Opened),
            SocketEvent::Message(frame) => match ToPage::decode(&frame) {
                Ok(messages) => self.receive(None, messages),
                // The gateway speaks in a way that this page does not know.
                Err(_) => self.closed(close::STALE_PAGE),
            },
            SocketEvent::Closed(code) => self.closed(code),
        }
    }

    fn closed(self: &Rc<Self>, code: u16) {
        self.flush();
        self.clocks.set(None);
        for lab in self.gateway_labs() {
            lab.update(|lab| drop(lab.update(Input::Offline)));
        }
        self.hear(Heard::Closed { code });
        // Closed or of no use; a handler that still runs is freed when it returns.
        drop(self.socket.take());
    }

    /// Takes what the gateway says, or the simulator of the lab at a place.
    fn receive(self: &Rc<Self>, place: Option<usize>, messages: Vec<ToPage>) {
        for message in messages {
            match (place, message) {
                (None, ToPage::Welcome(welcome)) => self.welcome(welcome),
                (_, message) => self.inbox.borrow_mut().push((place, message)),
            }
        }
        let waiting = self.inbox.borrow().len();
        // Without frames (a hidden page) nothing would ever be taken out.
        if waiting > MAX_INBOX || browser::is_hidden() {
            self.flush();
        } else if waiting > 0 && !self.is_frame_due.replace(true) {
            let frame = Frame::new(on(&Rc::downgrade(self), |page| page.flush()));
            drop(self.frame.replace(Some(frame)));
        }
    }

    fn welcome(self: &Rc<Self>, welcome: Welcome) {
        self.clocks.set(Some((welcome.time_ns, browser::now_ms())));
        self.hear(Heard::Welcome(welcome));
        let servers = self.link.with_untracked(|link| match link.phase {
            Phase::Live => link.servers.clone(),
            _ => Vec::new(),
        });
        for lab in self.gateway_labs() {
            let lesson = lab.with_untracked(|lab| lab.spec.server.clone());
            if let Some(server) = servers.iter().find(|server| server.lesson == lesson) {
                self.act(lab, Input::Online(server.clone()));
            } else if lab.with_untracked(Lab::lacks_exchange) {
                // This gateway does not run its server.
                self.act(lab, Input::Reel(Reel::Unreachable));
            }
        }
    }

    /// Hands everything that came to the labs, each told once.
    fn flush(&self) {
        let messages = self.inbox.take();
        self.is_frame_due.set(false);
        if messages.is_empty() {
            return;
        }
        let lessons: Vec<Option<String>> = self.link.with_untracked(|link| {
            messages
                .iter()
                .map(|(_, message)| link.lesson(message).map(str::to_owned))
                .collect()
        });
        for (place, lab) in self.labs.iter().enumerate() {
            let own = lab.with_untracked(|lab| lab.simulated.is_some().then_some(place));
            let meant = |(from, _): &&(Option<usize>, ToPage)| *from == own;
            if own.is_some() {
                let messages = messages.iter().filter(meant).map(|(_, message)| message);
                self.simulate(place, *lab, messages.cloned().collect());
                continue;
            }
            let mut said = Vec::new();
            lab.update(|lab| {
                for ((from, message), lesson) in messages.iter().zip(&lessons) {
                    let is_meant = from.is_none()
                        && (lesson.as_ref()).is_none_or(|name| *name == lab.spec.server);
                    if is_meant {
                        said.extend(lab.update(Input::Message(message.clone())));
                    }
                }
            });
            self.say(*lab, &said);
        }
    }

    /// Says something of a lab to its gateway, or to its simulator.
    fn say(&self, lab: RwSignal<Lab>, messages: &[ToGateway]) {
        if messages.is_empty() {
            return;
        }
        let place = self.labs.iter().position(|other| *other == lab);
        match place.and_then(|place| self.simulator_at(place)) {
            Some(simulator) => {
                let mut frame = Vec::new();
                for message in messages {
                    message.encode(&mut frame);
                }
                simulator.say(&frame);
            }
            None => self.send(messages),
        }
    }

    fn send(&self, messages: &[ToGateway]) {
        let handle = self.socket.borrow().as_ref().map(Socket::handle);
        let Some(socket) = handle else {
            return;
        };
        for message in messages {
            let mut frame = Vec::new();
            match message {
                ToGateway::Look { lesson, .. } => self.look(lesson).encode(&mut frame),
                _ => message.encode(&mut frame),
            }
            // A socket that is closing says so itself, and the link then tries again.
            let _ = socket.send_with_u8_array(&frame);
        }
    }

    /// What all labs of a lesson together want to see of it: they share the session.
    fn look(&self, lesson: &str) -> ToGateway {
        let mut looks = Looks::default();
        for lab in &self.labs {
            lab.with_untracked(|lab| {
                if lab.spec.server == lesson {
                    looks.packets |= lab.live().looks.packets;
                    looks.kernel |= lab.live().looks.kernel;
                }
            });
        }
        ToGateway::Look {
            lesson: lesson.to_owned(),
            packets: looks.packets,
            kernel: looks.kernel,
        }
    }

    fn tick(self: &Rc<Self>) {
        let now_ms = browser::now_ms();
        let is_waiting =
            |link: &Link| matches!(link.phase, Phase::Waiting { .. } | Phase::Connecting);
        if self.link.with_untracked(is_waiting) {
            self.now_ms.set(now_ms);
            self.hear(Heard::Tick);
        }
        for lab in &self.labs {
            let is_playing = |lab: &Lab| lab.replay.as_ref().is_some_and(|one| one.is_playing);
            if lab.with_untracked(is_playing) {
                self.act(*lab, Input::Reel(Reel::Tick));
            }
        }
        let Some((time_ns, at_ms)) = self.clocks.get() else {
            return;
        };
        // A simulated network has a clock of its own.
        for lab in self.gateway_labs() {
            if lab.with_untracked(Lab::needs_clock) {
                self.flush();
                let now_ns = time_ns + ((now_ms - at_ms) * 1e6) as u64;
                self.act(lab, Input::Now(now_ns));
            }
        }
    }
}

/// Calls `then` for as long as the page lives.
fn on(page: &Weak<Page>, then: impl Fn(&Rc<Page>) + 'static) -> impl FnMut() + 'static {
    let page = page.clone();
    move || {
        if let Some(page) = page.upgrade() {
            then(&page);
        }
    }
}

fn listeners(page: &Weak<Page>) -> Vec<Listener> {
    let mut listeners = Vec::new();
    if let Some(document) = browser::document() {
        let mut seen_again = on(page, |page| {
            page.flush();
            if !browser::is_hidden() {
                for simulator in page.simulators.get().into_iter().flatten().flatten() {
                    simulator.next();
                }
                page.try_now();
            }
        });
        listeners.push(Listener::new(document, "visibilitychange", move |_| {
            seen_again();
        }));
    }
    if let Some(document) = browser::document() {
        let mut elsewhere = on(page, |page| {
            for lab in &page.labs {
                let saved = lab.with_untracked(|lab| Saved::of(&lab.spec));
                if let Some(done) = saved.elsewhere() {
                    page.act(*lab, Input::Resume(done));
                }
            }
        });
        listeners.push(Listener::new(document, ELSEWHERE, move |_| elsewhere()));
    }
    if let Some(window) = browser::window() {
        // Another tab was given the token.
        let mut stored = on(page, Page::try_now);
        listeners.push(Listener::new(window.clone(), "storage", move |_| stored()));
        // A link to another event of this page was followed.
        let mut moved = on(page, |page| page.open_fragment());
        listeners.push(Listener::new(window, "hashchange", move |_| moved()));
    }
    listeners
}
