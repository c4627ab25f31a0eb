// Sends a datagram to a port on which nobody receives, and asks what became of it.
package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"syscall"
	"time"
)

func main() {
	address := "127.0.0.1:9132"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	if _, err := conn.Write([]byte("anyone?")); err != nil {
		return err
	}
	fmt.Println("sent") // which says nothing about whether it arrives

	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 64))
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		fmt.Println("refused")
	case errors.Is(err, os.ErrDeadlineExceeded):
		fmt.Println("no answer in two seconds")
	default:
		return err
	}
	return nil
}

// ANCHOR_END: listing
