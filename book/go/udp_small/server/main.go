// Answers with the number of bytes that fit into a small buffer.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9131"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", conn.LocalAddr())
	log.Fatal(serve(conn))
}

// ANCHOR: listing
func serve(conn net.PacketConn) error {
	buffer := make([]byte, 16) // what does not fit is gone
	for {
		n, peer, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		fmt.Printf("%q\n", buffer[:n])
		answer := fmt.Sprintf("%d bytes", n)
		if _, err := conn.WriteTo([]byte(answer), peer); err != nil {
			return err
		}
	}
}

// ANCHOR_END: listing
