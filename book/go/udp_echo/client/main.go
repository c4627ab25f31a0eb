// Sends each line that you type as one datagram, and waits two seconds for its echo.
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
	address := "127.0.0.1:9090"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	// No packet leaves here: Dial only notes where Write shall send to.
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	echo := make([]byte, 65535)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if _, err := conn.Write(lines.Bytes()); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		n, err := conn.Read(echo)
		if err != nil {
			return err // lost, refused, or just late
		}
		fmt.Println(string(echo[:n]))
	}
	return lines.Err()
}

// ANCHOR_END: listing
