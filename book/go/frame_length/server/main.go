// Answers each message with its number and length; two bytes before each tell how long it is.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9102"
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
	for number := 1; ; number++ {
		var length uint16
		if err := binary.Read(conn, binary.BigEndian, &length); err != nil {
			log.Print(err) // io.EOF: the stream ended where a message did
			return
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(conn, message); err != nil {
			log.Print(err) // it ended inside a message
			return
		}
		if _, err := conn.Write(framed(fmt.Sprintf("%d: %d bytes", number, len(message)))); err != nil {
			log.Print(err)
			return
		}
	}
}

// framed puts the length before the text, in one piece, so that they are one write.
func framed(text string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)
}

// ANCHOR_END: listing
