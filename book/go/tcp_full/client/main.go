// Connects to a server that has no room, and gives up after two seconds.
package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	address := "127.0.0.1:9092"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	conn, err := net.DialTimeout("tcp", address, 2*time.Second)
	var failure net.Error
	if errors.As(err, &failure) && failure.Timeout() {
		// Nothing came back: neither yes nor no.
		fmt.Println("no connection in two seconds")
		return nil
	}
	if err != nil {
		return err
	}
	return conn.Close()
}

// ANCHOR_END: listing
