// Sends one line, and prints the answer: all that comes until the server closes.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	// Without the \n, the server waits for more, and we wait for the server.
	if _, err := conn.Write([]byte("Hello, server!\n")); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	fmt.Println(string(answer))
	return nil
}

// ANCHOR_END: listing
