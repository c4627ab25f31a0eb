// Says something, half-closes, and reads what the server has to say to all of it.
package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9112"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	conn, err := net.Dial("tcp", address) // SYN; returns when SYN-ACK has come
	if err != nil {
		return err
	}
	defer conn.Close()

	if _, err := conn.Write([]byte("last words")); err != nil {
		return err
	}
	// Only a connection of TCP can be closed by half.
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return errors.New("this is not TCP")
	}
	if err := tcp.CloseWrite(); err != nil { // FIN
		return err
	}

	answer, err := io.ReadAll(conn) // until the server's FIN
	if err != nil {
		return err
	}
	fmt.Print(string(answer))
	return nil
}

// ANCHOR_END: listing
