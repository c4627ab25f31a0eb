// Answers for the names of wirebook.test, with nothing but the bytes of RFC 1035.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	address := "127.0.0.1:5300"
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
const (
	typeA      = 1
	headerSize = 12
	notFound   = 3 // NXDOMAIN
)

var addresses = map[string]string{
	"wirebook.test":      "192.0.2.1",
	"ok.wirebook.test":   "127.0.0.1",
	"mail.wirebook.test": "192.0.2.25",
	"slow.wirebook.test": "192.0.2.2",
}

func serve(conn net.PacketConn) error {
	buffer := make([]byte, 4096)
	for {
		n, peer, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		name, question := parse(buffer[:n])
		if question == nil {
			continue // not a query
		}
		answer := answer(buffer[:n], name, question)
		if name == "slow.wirebook.test" {
			time.AfterFunc(2*time.Second, func() { conn.WriteTo(answer, peer) })
		} else if _, err := conn.WriteTo(answer, peer); err != nil {
			return err
		}
	}
}

// parse returns the name that is asked for, and the bytes of the question.
func parse(query []byte) (name string, question []byte) {
	if len(query) < headerSize || query[2]&0x80 != 0 {
		return "", nil // too short, or itself an answer
	}
	var labels []string
	rest := query[headerSize:]
	for len(rest) > 0 && rest[0] != 0 {
		length := int(rest[0])
		if length > 63 || len(rest) < 1+length {
			return "", nil
		}
		labels = append(labels, string(rest[1:1+length]))
		rest = rest[1+length:]
	}
	if len(rest) < 5 {
		return "", nil // the end of the name, a type and a class
	}
	question = query[headerSize : len(query)-len(rest)+5]
	return strings.ToLower(strings.Join(labels, ".")), question
}

func answer(query []byte, name string, question []byte) []byte {
	address, known := addresses[name]
	kind := binary.BigEndian.Uint16(question[len(question)-4:])
	header := [6]uint16{binary.BigEndian.Uint16(query), 0x8400, 1} // an answer, authoritative
	if !known {
		header[1] |= notFound
	}
	if known && kind == typeA {
		header[3] = 1 // one answer
	}
	var message bytes.Buffer
	binary.Write(&message, binary.BigEndian, header)
	message.Write(question)
	if header[3] == 1 {
		record := []uint16{0xc000 | headerSize, typeA, 1, 0, 60, 4} // the name stands at byte 12
		binary.Write(&message, binary.BigEndian, record)
		message.Write(net.ParseIP(address).To4())
	}
	return message.Bytes()
}

// ANCHOR_END: listing
