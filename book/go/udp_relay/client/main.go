// Sends ten datagrams and counts what comes back.
package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	address := "127.0.0.1:9140"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	const sent = 10
	for number := 1; number <= sent; number++ {
		if _, err := conn.Write([]byte(strconv.Itoa(number))); err != nil {
			return err
		}
	}
	echoes := map[int]int{} // how often each came back
	last, overtaken := 0, 0
	buffer := make([]byte, 64)
	for {
		// Two seconds without an echo: what is not there by now is lost. Or it is late.
		if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		n, err := conn.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return err
		}
		number, err := strconv.Atoi(string(buffer[:n]))
		if err != nil {
			return err
		}
		echoes[number]++
		if number < last {
			overtaken++
		}
		last = number
	}
	doubled := 0
	for _, times := range echoes {
		doubled += times - 1
	}
	fmt.Printf("%d sent, %d lost, %d doubled, %d overtaken\n",
		sent, sent-len(echoes), doubled, overtaken)
	return nil
}

// ANCHOR_END: listing
