// Sends back every byte, until the client has no more to send: tcp_echo on a Unix socket.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	path := "unix_echo.sock"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	log.Fatal(serve(listener))
}

// ANCHOR: listing
func serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go echo(conn)
	}
}

func echo(conn net.Conn) {
	defer conn.Close()
	// Copy reads and writes in turn until a read says that the stream has ended.
	if _, err := io.Copy(conn, conn); err != nil {
		log.Print(err)
	}
}

// ANCHOR_END: listing
