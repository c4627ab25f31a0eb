//! The same conversation, framed in three ways: the Go clients against the Rust servers, and the Go
//! servers against clients that cut and join what they write.

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::go_clients::story as client_story;
use crate::go_servers::{hear, story as server_story};

#[tokio::test]
async fn the_client_of_frame_line_counts_its_lines() -> Result<()> {
    client_story("frame_line", async |mut client, observer| {
        for (line, answer) in [("hello\n", "1: 5 bytes"), ("\n", "2: 0 bytes")] {
            client.types(line).await?;
            assert_eq!(client.prints().await?, answer);
        }
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server read \"hello\\n\"",
                "server write \"1: 5 bytes\\n\"",
                "server write \"2: 0 bytes\\n\"",
                "server end",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn the_client_of_frame_length_sends_the_length_first() -> Result<()> {
    client_story("frame_length", async |mut client, observer| {
        for (line, answer) in [("hello\n", "1: 5 bytes"), ("\n", "2: 0 bytes")] {
            client.types(line).await?;
            assert_eq!(client.prints().await?, answer);
        }
        let long = "x".repeat(60_000);
        client.types(&format!("{long}\n")).await?;
        assert_eq!(client.prints().await?, "3: 60000 bytes");
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server read \"\\x00\\x05hello\"",
                "server write \"\\x00\\x0a1: 5 bytes\"",
                "server write \"2: 0 bytes\"",
                "server write \"\\x00\\x0e3: 60000 bytes\"",
                "server end",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn the_client_of_frame_fixed_fills_up_and_says_what_does_not_fit() -> Result<()> {
    client_story("frame_fixed", async |mut client, observer| {
        for (line, answer) in [
            ("hello\n", "1: 5 bytes"),
            ("hello, server\n", "does not fit: a message has eight bytes"),
            // Eight bytes are not eight characters.
            ("naïve ☕\n", "does not fit: a message has eight bytes"),
            ("naïve\n", "2: 6 bytes"),
            ("\n", "3: 0 bytes"),
            ("12345678\n", "4: 8 bytes"),
        ] {
            client.types(line).await?;
            assert_eq!(client.prints().await?, answer);
        }
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server read \"hello   \"",
                "server write \"1: 5 bytes          \"",
                "server read \"12345678\"",
                "server end",
            ])
            .await
    })
    .await
}

/// Two messages in three writes that end nowhere a message does; one answer for each message.
async fn check_server(lesson: &str, pieces: [&[u8]; 3], answers: &str) -> Result<()> {
    server_story(lesson, async |_, mut stream| {
        stream.set_nodelay(true).unwrap();
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
        }
        hear(&mut stream, answers).await;
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await
}

#[tokio::test]
async fn the_server_of_frame_line_answers_lines_however_they_are_cut() -> Result<()> {
    let pieces = [&b"he"[..], b"llo\nyou", b"\n"];
    check_server("frame_line", pieces, "1: 5 bytes\n2: 3 bytes\n").await
}

#[tokio::test]
async fn the_server_of_frame_line_does_not_answer_half_a_line() -> Result<()> {
    server_story("frame_line", async |_, mut stream| {
        stream.write_all(b"hello\nhal").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        assert_eq!(answers, "1: 5 bytes\n");
    })
    .await
}

#[tokio::test]
async fn the_server_of_frame_length_answers_messages_however_they_are_cut() -> Result<()> {
    let pieces = [&b"\0"[..], b"\x05hello\0\x03yo", b"u"];
    check_server("frame_length", pieces, "\0\x0a1: 5 bytes\0\x0a2: 3 bytes").await
}

#[tokio::test]
async fn the_server_of_frame_fixed_answers_messages_however_they_are_cut() -> Result<()> {
    let pieces = [&b"hel"[..], b"lo   you", b"     "];
    check_server(
        "frame_fixed",
        pieces,
        "1: 5 bytes          2: 3 bytes          ",
    )
    .await
}
