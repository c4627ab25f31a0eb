// Answers "ok" to every line, and leaves a client that takes too long for one.
package main

import (
	"bufio"
	"errors"
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
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	log.Fatal(serve(listener))
}

// ANCHOR: listing
// How long a client may take for a line.
const patience = 2 * time.Second

func serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerLines(conn)
	}
}

func answerLines(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		// A deadline is a point in time: it is set anew for each line, and a read does not move it.
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			log.Print(err)
			return
		}
		_, err := reader.ReadString('\n')
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if _, err := conn.Write([]byte("too slow\n")); err != nil {
				log.Print(err)
			}
			return
		}
		if err != nil {
			return // io.EOF: the client has closed
		}
		if _, err := conn.Write([]byte("ok\n")); err != nil {
			log.Print(err)
			return
		}
	}
}

// ANCHOR_END: listing
