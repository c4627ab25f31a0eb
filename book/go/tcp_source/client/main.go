// Asks for much with a small buffer, and takes its time before it reads.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"syscall"
	"time"
)

func main() {
	address := "127.0.0.1:9111"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	// Before it connects: the size of the window is agreed on while connecting.
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		controlErr := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	conn, err := dialer.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	if _, err := conn.Write([]byte("go")); err != nil {
		return err
	}
	time.Sleep(time.Second) // by now the buffers are full, and the server waits
	count, err := io.Copy(io.Discard, conn)
	fmt.Println(count, "bytes read")
	return err
}

// ANCHOR_END: listing
