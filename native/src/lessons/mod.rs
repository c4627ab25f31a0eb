//! The servers of the book, one file each.
//!
//! A lesson's file is what the book prints and what runs. It imports its sockets from
//! [`crate::tap`]; with `tokio` in that place it works in any tokio project.

pub mod frame_fixed;
pub mod frame_length;
pub mod frame_line;
pub mod tcp_echo;
pub mod tcp_line;
pub mod tcp_ok;
pub mod tcp_silent;
pub mod udp_echo;

use std::io;
use std::pin::Pin;

use wire::session::Transport;

use crate::tap::net::{TcpListener, UdpSocket};

/// Every lesson, in the order of the book.
pub const LESSONS: [Lesson; 8] = [
    Lesson::tcp("tcp_ok", 9090, |listener| Box::pin(tcp_ok::serve(listener))),
    Lesson::tcp("tcp_line", 8080, |listener| {
        Box::pin(tcp_line::serve(listener))
    }),
    Lesson::tcp("frame_line", 9101, |listener| {
        Box::pin(frame_line::serve(listener))
    }),
    Lesson::tcp("frame_length", 9102, |listener| {
        Box::pin(frame_length::serve(listener))
    }),
    Lesson::tcp("frame_fixed", 9103, |listener| {
        Box::pin(frame_fixed::serve(listener))
    }),
    Lesson::tcp("tcp_silent", 8081, |listener| {
        Box::pin(tcp_silent::serve(listener))
    }),
    Lesson::tcp("tcp_echo", 7007, |listener| {
        Box::pin(tcp_echo::serve(listener))
    }),
    Lesson::udp("udp_echo", 9090, |socket| Box::pin(udp_echo::serve(socket))),
];

/// One server of the book.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// The same in every folder, e.g. `tcp_ok`.
    pub name: &'static str,
    /// Where programs from common tutorials connect.
    pub default_port: u16,
    /// How it starts, and on what socket.
    pub start: Start,
}

/// Starts a server on a socket of its transport.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// On a listener.
    Tcp(fn(TcpListener) -> Serving),
    /// On a bound socket.
    Udp(fn(UdpSocket) -> Serving),
}

/// A running server. It ends when its tap is cut, or with an error.
pub type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

impl Lesson {
    /// The lesson of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LESSONS.iter().find(|lesson| lesson.name == name)
    }

    /// TCP or UDP.
    pub fn transport(&self) -> Transport {
        match self.start {
            Start::Tcp(_) => Transport::Tcp,
            Start::Udp(_) => Transport::Udp,
        }
    }

    const fn tcp(name: &'static str, default_port: u16, start: fn(TcpListener) -> Serving) -> Self {
        let start = Start::Tcp(start);
        Self {
            name,
            default_port,
            start,
        }
    }

    const fn udp(name: &'static str, default_port: u16, start: fn(UdpSocket) -> Serving) -> Self {
        let start = Start::Udp(start);
        Self {
            name,
            default_port,
            start,
        }
    }
}
