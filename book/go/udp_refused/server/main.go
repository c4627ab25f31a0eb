// Takes a port and hears nobody there: what is sent to it is refused.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9132"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	conn, err := hold(address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("nobody receives on", conn.LocalAddr())
	_, err = conn.Read(make([]byte, 1)) // waits as long as the program runs
	log.Fatal(err)
}

// ANCHOR: listing
func hold(address string) (*net.UDPConn, error) {
	self, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	// A connected socket receives from its peer alone, and this one's peer is itself.
	return net.DialUDP("udp", self, self)
}

// ANCHOR_END: listing
