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
	conn, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	// ANCHOR: ask
	// Without the \n, the server waits for the rest of the line and we wait for the server.
	if _, err := fmt.Fprint(conn, "Hello, server!\n"); err != nil {
		log.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(answer))
	// ANCHOR_END: ask
}
