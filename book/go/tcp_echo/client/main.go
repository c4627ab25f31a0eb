// Sends what you type, prints what comes back; ends when both directions have ended.
package main

import (
	"io"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:7007"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	remote, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	conn, err := net.DialTCP("tcp", nil, remote)
	if err != nil {
		return err
	}
	defer conn.Close()

	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, os.Stdin)
		if err == nil {
			err = conn.CloseWrite() // half-close: we have finished, the server has not
		}
		sent <- err
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		return err
	}
	return <-sent
}

// ANCHOR_END: listing
