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
	conn, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	// ANCHOR: both
	go func() {
		if _, err := io.Copy(conn, os.Stdin); err != nil {
			log.Fatal(err)
		}
		// Half-close: we have finished, the server has not.
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			log.Fatal(err)
		}
	}()
	if _, err := io.Copy(os.Stdout, conn); err != nil {
		log.Fatal(err)
	}
	// ANCHOR_END: both
}
