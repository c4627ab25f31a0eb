// Delivers messages once and in order, over a network that promises neither: stop-and-wait.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9150"
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
// A message travels as its number in four bytes, then its text.
// The acknowledgement is the same number, then the count of messages delivered so far.

type inbox struct {
	last  uint32 // the number of the last message that was delivered
	count int
}

func serve(conn net.PacketConn) error {
	inboxes := map[string]*inbox{}
	buffer := make([]byte, 65535)
	for {
		n, client, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if n < 4 {
			continue // not one of ours
		}
		number, text := binary.BigEndian.Uint32(buffer), buffer[4:n]
		in := inboxes[client.String()]
		if in == nil {
			// A client sends nothing before its last message is acknowledged: this is the next.
			in = &inbox{last: number - 1}
			inboxes[client.String()] = in
		}
		if number == in.last+1 {
			in.last = number
			in.count++
			fmt.Printf("%q\n", text) // here the application has it, once
		}
		if number == in.last {
			acknowledgement := binary.BigEndian.AppendUint32(nil, number)
			acknowledgement = fmt.Appendf(acknowledgement, "%d delivered", in.count)
			if _, err := conn.WriteTo(acknowledgement, client); err != nil {
				return err
			}
		}
	}
}

// ANCHOR_END: listing
