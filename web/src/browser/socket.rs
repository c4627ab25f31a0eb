//! A WebSocket as one stream of events.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

/// What happens on a socket.
pub(crate) enum SocketEvent {
    /// It stands.
    Opened,
    /// A binary frame.
    Message(Vec<u8>),
    /// It is gone, with this close code.
    Closed(u16),
}

/// A socket; dropping it unhooks the handler, then closes.
pub(crate) struct Socket {
    socket: WebSocket,
    _opened: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _closed: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Opens a socket; `None` if the browser refuses to try.
    pub(crate) fn open(
        url: &str,
        protocol: &str,
        handler: impl Fn(SocketEvent) + Clone + 'static,
    ) -> Option<Self> {
        let socket = WebSocket::new_with_str(url, protocol).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);

        let hear = handler.clone();
        let opened: Closure<dyn FnMut(Event)> =
            Closure::new(move |_: Event| hear(SocketEvent::Opened));
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));

        let hear = handler.clone();
        let message: Closure<dyn FnMut(MessageEvent)> =
            Closure::new(move |message: MessageEvent| {
                if let Ok(buffer) = message.data().dyn_into::<js_sys::ArrayBuffer>() {
                    let frame = js_sys::Uint8Array::new(&buffer).to_vec();
                    hear(SocketEvent::Message(frame));
                }
            });
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));

        let closed: Closure<dyn FnMut(CloseEvent)> =
            Closure::new(move |closed: CloseEvent| handler(SocketEvent::Closed(closed.code())));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));

        Some(Self {
            socket,
            _opened: opened,
            _message: message,
            _closed: closed,
        })
    }

    /// The browser's handle, to send with once no borrow is held.
    pub(crate) fn handle(&self) -> WebSocket {
        self.socket.clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Closing fails only for codes and reasons, and none is given.
        let _ = self.socket.close();
    }
}
