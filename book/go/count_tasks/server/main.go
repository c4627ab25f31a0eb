// Adds up the numbers it is sent: a goroutine for each client, and a lock around the total.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

func main() {
	address := "127.0.0.1:9121"
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

type total struct {
	mutex sync.Mutex
	value int64
}

func serve(listener net.Listener) error {
	var sum total
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go count(conn, &sum)
	}
}

func count(conn net.Conn, sum *total) {
	defer conn.Close()
	lines := bufio.NewReaderSize(conn, maxLineBytes)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return // the client has closed, or its line is too long
		}
		answer := "not a number\n"
		if number, err := numberIn(line); err == nil {
			answer = fmt.Sprintf("total %d\n", sum.add(number))
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

// Holds the lock for one addition, and never while it waits for a client.
func (sum *total) add(number int64) int64 {
	sum.mutex.Lock()
	defer sum.mutex.Unlock()
	sum.value += number
	return sum.value
}

func numberIn(line []byte) (int64, error) {
	return strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
}

// ANCHOR_END: listing
