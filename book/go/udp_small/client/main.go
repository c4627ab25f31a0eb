// Sends each line that you type as one datagram, and prints how much of it arrived.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	address := "127.0.0.1:9131"
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

	answer := make([]byte, 64)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		sent, err := conn.Write(lines.Bytes())
		if err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		n, err := conn.Read(answer)
		if err != nil {
			return err
		}
		fmt.Printf("sent %d bytes, arrived: %s\n", sent, answer[:n])
	}
	return lines.Err()
}

// ANCHOR_END: listing
