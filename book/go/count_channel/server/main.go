// Adds up the numbers it is sent: one goroutine owns the total, the clients' goroutines send it messages.
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
	address := "127.0.0.1:9123"
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

// How many messages may wait; who sends one more waits for room.
const maxWaiting = 32

// Asks for number to be added, and for the total to be sent to reply.
type add struct {
	number int64
	reply  chan<- int64
}

func serve(listener net.Listener) error {
	adds := make(chan add, maxWaiting)
	go keepTotal(adds)
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go count(conn, adds)
	}
}

// The only goroutine that sees the total, so it needs no lock.
func keepTotal(adds <-chan add) {
	total := int64(0)
	for asked := range adds {
		total += asked.number
		asked.reply <- total
	}
}

func count(conn net.Conn, adds chan<- add) {
	defer conn.Close()
	reply := make(chan int64, 1) // room for one, so that the owner never waits
	lines := bufio.NewReaderSize(conn, maxLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return // the client has closed, or its line is too long
		}
		answer := "not a number\n"
		if number, err := numberIn(line); err == nil {
			adds <- add{number, reply}
			answer = fmt.Sprintf("total %d\n", <-reply)
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
