// Reads one line, answers "Hello, client!", closes.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:8080"
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
		go greet(conn)
	}
}

func greet(conn net.Conn) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		log.Print(err) // io.EOF: the stream ended before the line did
		return
	}
	fmt.Printf("%q\n", line)
	if _, err := conn.Write([]byte("Hello, client!")); err != nil {
		log.Print(err)
	}
}

// ANCHOR_END: listing
