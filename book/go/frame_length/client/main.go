// Sends each line that you type behind its length, and prints the message that answers it.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9102"
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

	lines := bufio.NewScanner(os.Stdin) // no line it returns is longer than two bytes can tell
	for lines.Scan() {
		message := binary.BigEndian.AppendUint16(nil, uint16(len(lines.Bytes())))
		message = append(message, lines.Bytes()...)
		if _, err := conn.Write(message); err != nil {
			return err
		}
		var length uint16
		if err := binary.Read(conn, binary.BigEndian, &length); err != nil {
			return err
		}
		answer := make([]byte, length)
		if _, err := io.ReadFull(conn, answer); err != nil {
			return err
		}
		fmt.Println(string(answer))
	}
	return lines.Err()
}

// ANCHOR_END: listing
