// Asks a server that never answers, and gives up after two seconds.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	address := "127.0.0.1:8081"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	if _, err := fmt.Fprint(conn, "Are you there?"); err != nil {
		log.Fatal(err)
	}
	// ANCHOR: deadline
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		log.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		fmt.Println("no answer in two seconds")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(string(answer))
	}
	// ANCHOR_END: deadline
}
