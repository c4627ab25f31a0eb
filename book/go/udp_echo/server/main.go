// Sends every datagram back to its sender.
package main

import (
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
	// ANCHOR: echo
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", conn.LocalAddr())
	buffer := make([]byte, 65535)
	for {
		n, peer, err := conn.ReadFrom(buffer)
		if err != nil {
			log.Print(err)
			continue
		}
		if _, err := conn.WriteTo(buffer[:n], peer); err != nil {
			log.Print(err)
		}
	}
	// ANCHOR_END: echo
}
