// Writes as long as the client makes room, to show how much fits in between.
package main

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9111"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	log.Fatal(serve(listener.(*net.TCPListener)))
}

// ANCHOR: listing
// What it sends in all.
const totalBytes = 256 * 1024

func serve(listener *net.TCPListener) error {
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return err
		}
		go pour(conn)
	}
}

func pour(conn *net.TCPConn) {
	defer conn.Close()
	// Little room on this side, so that the room on the client's side decides.
	if err := conn.SetWriteBuffer(4096); err != nil {
		log.Print(err)
		return
	}
	// Any byte is the sign to begin.
	if _, err := conn.Read(make([]byte, 16)); err != nil {
		return // io.EOF: the client has closed
	}
	chunk := bytes.Repeat([]byte("."), 4096)
	written := 0
	for written < totalBytes {
		// Waits while both buffers are full: this is flow control.
		count, err := conn.Write(chunk)
		written += count
		if err != nil {
			log.Print(err)
			return
		}
	}
	fmt.Println(written, "bytes written")
}

// ANCHOR_END: listing
