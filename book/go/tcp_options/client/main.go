// Sets options and reads them back; then writes a line in two pieces.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"syscall"
)

func main() {
	address := "127.0.0.1:9110"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	remote, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	conn, err := net.DialTCP("tcp", nil, remote)
	if err != nil {
		return err
	}
	defer conn.Close()

	for _, on := range []bool{true, false} { // true is what Go sets by itself
		if err := conn.SetNoDelay(on); err != nil {
			return err
		}
		value, err := noDelay(conn)
		if err != nil {
			return err
		}
		fmt.Println("no-delay:", value)
	}

	// Without no-delay the second piece waits until the first one is acknowledged.
	for _, piece := range []string{"hel", "lo\n"} {
		if _, err := conn.Write([]byte(piece)); err != nil {
			return err
		}
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(line)
	return err
}

// Package net sets options but does not read them: the system call does.
func noDelay(conn *net.TCPConn) (value int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	})
	if controlErr != nil {
		return 0, controlErr
	}
	return value, err
}

// ANCHOR_END: listing
