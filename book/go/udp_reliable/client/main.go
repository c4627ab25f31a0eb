// Sends each line that you type until it is acknowledged, then the next: stop-and-wait.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	address := "127.0.0.1:9150"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
const (
	timeOut  = 500 * time.Millisecond
	maxTries = 12
)

func run(address string) error {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	lines := bufio.NewScanner(os.Stdin)
	for number := uint32(1); lines.Scan(); number++ {
		answer, err := deliver(conn, number, lines.Bytes())
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	return lines.Err()
}

func deliver(conn net.Conn, number uint32, text []byte) (string, error) {
	datagram := append(binary.BigEndian.AppendUint32(nil, number), text...)
	for try := 0; try < maxTries; try++ {
		if _, err := conn.Write(datagram); err != nil {
			return "", err
		}
		answer, err := acknowledgement(conn, number)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return answer, err
		}
		// Lost on the way there, or the acknowledgement was on its way back. Nobody can tell.
	}
	return "", os.ErrDeadlineExceeded
}

func acknowledgement(conn net.Conn, number uint32) (string, error) {
	if err := conn.SetReadDeadline(time.Now().Add(timeOut)); err != nil {
		return "", err
	}
	buffer := make([]byte, 64)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return "", err
		}
		// Any other is of an earlier message: it was acknowledged twice.
		if n >= 4 && binary.BigEndian.Uint32(buffer) == number {
			return string(buffer[4:n]), nil
		}
	}
}

// ANCHOR_END: listing
