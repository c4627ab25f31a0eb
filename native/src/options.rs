//! The options about limits: what a reader may want to change of [`Limits`].

use std::io::Write as _;
use std::time::Duration;

use wirebook::descriptors;
use wirebook::gateway::limits::Limits;

/// Each has the default of [`Limits::default`].
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Options {
    /// Pages that may be open at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().sessions)]
    max_sessions: usize,
    /// Connections to all lessons at once, those of other programs included
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// Connections of one page at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_per_session)]
    max_connections_per_session: usize,
    /// Messages a page may send per second; what is more is read later
    #[arg(long, value_name = "N", default_value_t = Limits::default().commands_per_sec)]
    max_commands_per_sec: u32,
    /// Messages a page may send at once before that holds
    #[arg(long, value_name = "N", default_value_t = Limits::default().commands_burst)]
    max_commands_burst: u32,
    /// Bytes that may wait for one page; then its lessons wait, and what cannot wait is counted
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().queued_bytes)]
    max_queued_bytes: usize,
    /// HTTP connections at once, sessions aside; further ones wait
    #[arg(long, value_name = "N", default_value_t = Limits::default().http_connections)]
    max_http_connections: usize,
    /// After this long without a byte a page's connection is closed
    #[arg(long, value_name = "SECS", default_value_t = Limits::default().idle_connection.as_secs())]
    idle_connection_secs: u64,
    /// A page must take what is written to it within this, or connect anew
    #[arg(long, value_name = "SECS", default_value_t = Limits::default().write.as_secs())]
    write_secs: u64,
    /// A page that was not heard for this long is gone
    #[arg(long, value_name = "SECS", default_value_t = Limits::default().dead.as_secs())]
    dead_page_secs: u64,
}

impl Options {
    /// The limits of a gateway. More open files are asked for if they need more than are allowed;
    /// if there are not so many, fewer connections are taken, which is said on stderr.
    pub(crate) fn limits(&self) -> anyhow::Result<Limits> {
        let dead = Duration::from_secs(self.dead_page_secs);
        let mut limits = Limits {
            sessions: self.max_sessions,
            connections: self.max_connections,
            connections_per_session: self.max_connections_per_session,
            commands_per_sec: self.max_commands_per_sec,
            commands_burst: self.max_commands_burst,
            queued_bytes: self.max_queued_bytes,
            http_connections: self.max_http_connections,
            idle_connection: Duration::from_secs(self.idle_connection_secs),
            write: Duration::from_secs(self.write_secs),
            // Asked twice before it is given up.
            ping: Limits::default().ping.min(dead / 2),
            dead,
            ..Limits::default()
        };
        // So that whoever asks for nonsense hears of that first.
        limits.check()?;
        if let Some(most) = descriptors::raise()
            && let Some(warning) = limits.fit(most)
        {
            // Nobody reading it is no reason to end.
            let _ = writeln!(std::io::stderr(), "warning: {warning}");
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    const SECURITY: &str = include_str!("../../SECURITY.md");

    /// What the documents call a limit, what it is, and its option with the value that it takes.
    type Row = (&'static str, String, Option<(&'static str, String)>);

    fn count(number: usize) -> String {
        match number {
            0..1_000 => number.to_string(),
            _ => format!("{},{:03}", number / 1_000, number % 1_000),
        }
    }

    fn bytes(number: usize) -> String {
        match number {
            0..0x10_0000 => format!("{} KiB", number / 1024),
            _ => format!("{} MiB", number / 1024 / 1024),
        }
    }

    fn secs(time: Duration) -> String {
        assert_eq!(time.subsec_nanos(), 0, "the table has whole seconds");
        format!("{} s", time.as_secs())
    }

    /// A row for each limit: without one, this does not compile.
    fn rows() -> Vec<Row> {
        let Limits {
            sessions,
            greetings,
            http_connections,
            connections_per_session,
            connections,
            held_bytes_per_connection,
            held_bytes_per_session,
            held_commands,
            commands_per_sec,
            commands_burst,
            queued_messages,
            queued_bytes,
            http_head,
            http_head_bytes,
            http_head_fields,
            http_connection,
            http_last_response,
            hello,
            write,
            ping,
            dead,
            close,
            connect,
            idle_connection,
            last_writes,
            drain,
        } = Limits::default();
        let counted = |what, number: usize, option: Option<&'static str>| -> Row {
            let option = option.map(|option| (option, number.to_string()));
            (what, count(number), option)
        };
        let sized = |what, number: usize, option: Option<&'static str>| -> Row {
            let option = option.map(|option| (option, number.to_string()));
            (what, bytes(number), option)
        };
        let timed = |what, time: Duration, option: Option<&'static str>| -> Row {
            let option = option.map(|option| (option, time.as_secs().to_string()));
            (what, secs(time), option)
        };
        let (per_sec, burst) = (commands_per_sec as usize, commands_burst as usize);
        vec![
            counted("sessions", sessions, Some("max-sessions")),
            counted("sessions before their hello", greetings, None),
            counted(
                "connections of a session",
                connections_per_session,
                Some("max-connections-per-session"),
            ),
            counted("connections in all", connections, Some("max-connections")),
            sized(
                "bytes that wait for a connection's server",
                held_bytes_per_connection,
                None,
            ),
            sized(
                "the same for all of a session",
                held_bytes_per_session,
                None,
            ),
            counted("commands that wait for a connection", held_commands, None),
            counted(
                "messages from a page in a second",
                per_sec,
                Some("max-commands-per-sec"),
            ),
            counted(
                "messages from a page at once",
                burst,
                Some("max-commands-burst"),
            ),
            counted("messages that wait for a page", queued_messages, None),
            sized(
                "bytes that wait for a page",
                queued_bytes,
                Some("max-queued-bytes"),
            ),
            counted(
                "HTTP connections",
                http_connections,
                Some("max-http-connections"),
            ),
            timed("HTTP head, time", http_head, None),
            sized("HTTP head, size", http_head_bytes, None),
            counted("HTTP head, fields", http_head_fields, None),
            timed("HTTP connection", http_connection, None),
            timed("its last response", http_last_response, None),
            timed("hello", hello, None),
            timed("write to a page", write, Some("write-secs")),
            timed("ping to a quiet page", ping, None),
            timed("a page that is not heard", dead, Some("dead-page-secs")),
            timed("goodbye of a page", close, None),
            timed("connect to a lesson", connect, None),
            timed(
                "connection on which nothing moves",
                idle_connection,
                Some("idle-connection-secs"),
            ),
            timed("last bytes of a connection", last_writes, None),
            timed("stop", drain, None),
        ]
    }

    #[test]
    fn the_table_of_limits_is_what_they_are() {
        for (what, value, option) in rows() {
            let option = option.map_or("-".to_owned(), |(option, _)| format!("`--{option}`"));
            let row = format!("| {what} | {value} | {option} |");
            assert!(SECURITY.contains(&row), "SECURITY.md has no row {row}");
        }
    }

    #[test]
    fn the_options_are_in_the_table_and_have_its_defaults() {
        let mut told: Vec<_> = rows()
            .into_iter()
            .filter_map(|(_, _, option)| option)
            .collect();
        let command = Options::augment_args(clap::Command::new("serve"));
        let mut has: Vec<_> = command
            .get_arguments()
            .map(|option| {
                assert_eq!(option.get_help_heading(), Some("Limits"));
                assert!(option.get_help().is_some());
                let default = option.get_default_values()[0].to_str().unwrap();
                (option.get_long().unwrap(), default.to_owned())
            })
            .collect();
        told.sort_unstable();
        has.sort_unstable();
        assert_eq!(has, told);
    }
}
