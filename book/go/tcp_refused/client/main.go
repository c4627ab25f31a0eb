// Connects to a port where nobody listens, and says what came of it.
package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"syscall"
)

func main() {
	address := "127.0.0.1:9091"
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
	if errors.Is(err, syscall.ECONNREFUSED) {
		// The machine is there and has answered at once: nobody listens on that port.
		fmt.Println("refused")
		return nil
	}
	if err != nil {
		return err
	}
	return conn.Close()
}

// ANCHOR_END: listing
