// Sends each line that you type as a message of eight bytes, and prints the answer.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9103"
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

	answer := make([]byte, 20)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		message := []byte("        ")
		if copy(message, lines.Bytes()) < len(lines.Bytes()) {
			fmt.Println("does not fit: a message has eight bytes")
			continue
		}
		if _, err := conn.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, answer); err != nil {
			return err
		}
		fmt.Printf("%s\n", bytes.TrimRight(answer, " "))
	}
	return lines.Err()
}

// ANCHOR_END: listing
