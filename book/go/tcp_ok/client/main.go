// Sends each line that you type, and prints what comes back, until you type Q.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
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
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	answer := make([]byte, 1024)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() && lines.Text() != "Q" {
		if _, err := conn.Write(lines.Bytes()); err != nil {
			return err
		}
		n, err := conn.Read(answer)
		if err != nil {
			return err
		}
		fmt.Println(string(answer[:n]))
	}
	return lines.Err()
}

// ANCHOR_END: listing
