// A relay that loses, doubles and holds back datagrams, in front of a server that echoes them.
package main

import (
	"fmt"
	"log"
	"math/rand"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	address, percent := "127.0.0.1:9140", 30
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if len(os.Args) > 2 {
		var err error
		if percent, err = strconv.Atoi(os.Args[2]); err != nil {
			log.Fatal(err)
		}
	}
	front, err := net.ListenPacket("udp", address)
	if err != nil {
		log.Fatal(err)
	}
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(serve(server)) }()
	fmt.Println("listening on", front.LocalAddr())
	log.Fatal(relay(front, server.LocalAddr().String(), percent))
}

// ANCHOR: listing
func serve(conn net.PacketConn) error {
	buffer := make([]byte, 65535)
	for {
		n, peer, err := conn.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if _, err := conn.WriteTo(buffer[:n], peer); err != nil {
			return err
		}
	}
}

// Each client gets a socket of its own toward the server, so that answers find their way back.
func relay(front net.PacketConn, server string, percent int) error {
	var paths sync.Map // the socket of each client, by its address
	buffer := make([]byte, 65535)
	for {
		n, client, err := front.ReadFrom(buffer)
		if err != nil {
			return err
		}
		path, known := paths.Load(client.String())
		if !known {
			if path, err = net.Dial("udp", server); err != nil {
				return err
			}
			paths.Store(client.String(), path)
			go func() {
				defer paths.Delete(client.String())
				takeAnswers(path.(net.Conn), front, client, percent)
			}()
		}
		carry(buffer[:n], percent, func(datagram []byte) { path.(net.Conn).Write(datagram) })
	}
}

func takeAnswers(path net.Conn, front net.PacketConn, client net.Addr, percent int) {
	defer path.Close()
	buffer := make([]byte, 65535)
	for {
		path.SetReadDeadline(time.Now().Add(2 * time.Minute))
		n, err := path.Read(buffer)
		if err != nil {
			return // nothing for two minutes: the client has gone
		}
		carry(buffer[:n], percent, func(datagram []byte) { front.WriteTo(datagram, client) })
	}
}

// Passes a datagram on never, once, twice or later.
func carry(datagram []byte, percent int, pass func([]byte)) {
	hits := func() bool { return rand.Intn(100) < percent }
	if hits() {
		return // lost: nobody is told
	}
	copies := 1
	if hits() {
		copies = 2
	}
	for ; copies > 0; copies-- {
		if hits() {
			held := append([]byte(nil), datagram...)
			time.AfterFunc(100*time.Millisecond, func() { pass(held) })
		} else {
			pass(datagram)
		}
	}
}

// ANCHOR_END: listing
