// Reads until the client has finished, takes its time, and has the last word.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	address := "127.0.0.1:9112"
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
// How long the answer takes.
const work = time.Second

func serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go answerAtTheEnd(conn)
	}
}

func answerAtTheEnd(conn net.Conn) {
	defer conn.Close() // the server's FIN leaves here
	// Reads until the client's FIN, which is no error here.
	total, err := io.Copy(io.Discard, conn)
	if err != nil {
		log.Print(err)
		return
	}
	time.Sleep(work)
	if _, err := fmt.Fprintf(conn, "%d bytes\n", total); err != nil {
		log.Print(err)
	}
}

// ANCHOR_END: listing
