// Adds up the numbers it is sent, for one client at a time: the others wait.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
)

func main() {
	address := "127.0.0.1:9124"
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
// A client that sends a longer line is sent away.
const maxLineBytes = 1024

func serve(listener net.Listener) error {
	total := int64(0)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		count(conn, &total) // the word "go" is missing here
	}
}

func count(conn net.Conn, total *int64) {
	defer conn.Close()
	lines := bufio.NewReaderSize(conn, maxLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return // the client has closed, or its line is too long
		}
		answer := "not a number\n"
		if number, err := numberIn(line); err == nil {
			*total += number
			answer = fmt.Sprintf("total %d\n", *total)
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

func numberIn(line []byte) (int64, error) {
	return strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
}

// ANCHOR_END: listing
