// Answers each message with its number and length; every message has eight bytes.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9103"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	log.Fatal(serve(listener))
}

// ANCHOR: listing
func serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go numberMessages(conn)
	}
}

func numberMessages(conn net.Conn) {
	defer conn.Close()
	message := make([]byte, 8)
	for number := uint32(1); ; number++ {
		if _, err := io.ReadFull(conn, message); err != nil {
			log.Print(err) // io.EOF: the stream ended where a message did
			return
		}
		length := len(bytes.TrimRight(message, " ")) // spaces at its end are lost
		answer := fmt.Sprintf("%d: %d bytes", number, length)
		// 20 bytes: the largest number has room.
		if _, err := fmt.Fprintf(conn, "%-20s", answer); err != nil {
			log.Print(err)
			return
		}
	}
}

// ANCHOR_END: listing
