// Sends one line in time and then none, and prints what the server says to that.
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
	address := "127.0.0.1:8082"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	// Three limits, for three waits: for the connection, for a write, for a read.
	conn, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}

	if _, err := conn.Write([]byte("hello\n")); err != nil {
		return err
	}
	answers := bufio.NewScanner(conn)
	for answers.Scan() {
		fmt.Println(answers.Text())
	}
	return answers.Err() // nil at the end of the stream
}

// ANCHOR_END: listing
