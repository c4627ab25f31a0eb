//! Keeping a long list in sight: what is drawn, and when the list follows what is new.

use leptos::html::Div;
use leptos::prelude::*;

use super::Ui;
use super::memo::Memo;
use super::parts::{Lazy, button, maybe};
use crate::browser::{self, Frame, Listener};
use crate::state::Window;

/// Where the list is scrolled to and how much of it is seen.
#[derive(Clone, Copy)]
pub(super) struct Scroll {
    pub(super) window: Memo<Window>,
    pub(super) list: NodeRef<Div>,
    top: RwSignal<f64>,
    is_following: RwSignal<bool>,
    frame: StoredValue<Option<Frame>, LocalStorage>,
}

impl Scroll {
    pub(super) fn scrolled(self) {
        if let Some(list) = self.list.get_untracked() {
            let top = f64::from(list.scroll_top());
            let before = self.top.get_untracked();
            self.top.set(top);
            let window = Window {
                top,
                ..self.window.get_untracked()
            };
            // Rows that came meanwhile push the end away; only going up is the reader's will.
            let is_following =
                window.is_at_end() || (self.is_following.get_untracked() && top >= before);
            if self.is_following.get_untracked() != is_following {
                self.is_following.set(is_following);
            }
        }
    }

    /// Scrolls to `top` if it is given, and puts the focus on the selected row.
    pub(super) fn show(self, top: Option<f64>) {
        let list = self.list;
        self.soon(move || {
            if let Some(list) = list.get_untracked() {
                if let Some(top) = top {
                    list.set_scroll_top(top as i32);
                }
                browser::focus(&list, "li[aria-current] button");
            }
        });
    }

    fn to(self, top: f64) {
        let list = self.list;
        self.soon(move || {
            if let Some(list) = list.get_untracked() {
                list.set_scroll_top(top as i32);
            }
        });
    }

    /// After the rows have grown, before they are painted.
    fn soon(self, then: impl FnMut() + 'static) {
        let frame = Frame::new(then);
        // The frame before is dropped after the update, while nothing is borrowed.
        let before = self.frame.try_update_value(|kept| kept.replace(frame));
        drop(before);
    }
}

/// Keeps the window in step with the box, and the box with what is new.
pub(super) fn scrolling(ui: Ui) -> Scroll {
    let list = NodeRef::<Div>::new();
    let ruler = RwSignal::new((30.0_f64, 300.0_f64));
    let top = RwSignal::new(0.0_f64);
    let is_following = RwSignal::new(true);
    let count = ui.part(|lab| lab.trace.rows().len());
    let window = Memo::new(move |_| {
        let (row_height, height) = ruler.get();
        let rows = count.get();
        let end = (rows as f64 * row_height - height).max(0.0);
        Window {
            rows,
            row_height,
            height,
            top: if is_following.get() {
                end
            } else {
                top.get().min(end)
            },
        }
    });
    let scroll = Scroll {
        window,
        list,
        top,
        is_following,
        frame: StoredValue::new_local(None),
    };
    let measure = move || {
        if let Some(list) = list.get_untracked() {
            // The style sheet decides how high a row is: higher where fingers touch it.
            let row_height = browser::length(&list, "--row-height").unwrap_or(30.0);
            let measured = (row_height, f64::from(list.client_height()));
            if ruler.get_untracked() != measured && measured.1 > 0.0 {
                ruler.set(measured);
            }
        }
    };
    Effect::new(move || {
        if list.get().is_some() {
            measure();
        }
    });
    let resized =
        browser::window().map(|window| Listener::new(window, "resize", move |_| measure()));
    StoredValue::new_local(resized);
    Effect::new(move || {
        let window = window.get();
        // A list that fits has its end in sight.
        if window.rows as f64 * window.row_height <= window.height {
            is_following.set(true);
        }
        if is_following.get() {
            measure();
            scroll.to(window.top);
        }
    });
    // Rows dropped above must not move those in sight.
    let dropped = ui.part(|lab| lab.trace.dropped_rows);
    Effect::new(move |before: Option<usize>| {
        let now = dropped.get();
        let gone = now.saturating_sub(before.unwrap_or(0));
        if gone > 0 && !is_following.get_untracked() {
            let (row_height, _) = ruler.get_untracked();
            scroll.to((top.get_untracked() - gone as f64 * row_height).max(0.0));
        }
        now
    });
    scroll
}

/// Tells a reader who has scrolled up that there is more below.
pub(super) fn new_rows(scroll: Scroll, total: Memo<usize>) -> Lazy<AnyView> {
    let seen = RwSignal::new(0);
    Effect::new(move || {
        if scroll.is_following.get() {
            seen.set(total.get());
        }
    });
    let label = Memo::new(move |_| {
        let count = total.get().saturating_sub(seen.get());
        let is_behind = !scroll.is_following.get() && count > 0;
        is_behind.then(|| [&count.to_string(), " new"].concat())
    });
    maybe(move || {
        let follow = move || scroll.is_following.set(true);
        label.get().map(|label| button(label, "ladder-new", follow))
    })
}
