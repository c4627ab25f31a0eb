// Answers each line with its number and length.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9101"
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
func serve(listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go numberMessages(conn)
	}
}

func numberMessages(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewReaderSize(conn, 1024)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			log.Print(err) // the stream has ended, or the line does not fit the buffer
			return
		}
		if _, err := fmt.Fprintf(conn, "%d: %d bytes\n", number, len(line)-1); err != nil {
			log.Print(err)
			return
		}
	}
}

// ANCHOR_END: listing
