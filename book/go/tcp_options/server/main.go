// Prints which options its end of the connection has, and sends back every line.
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
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	log.Fatal(serve(listener.(*net.TCPListener)))
}

// ANCHOR: listing
func serve(listener *net.TCPListener) error {
	for {
		conn, err := listener.AcceptTCP()
		if err != nil {
			return err
		}
		go echoLines(conn)
	}
}

func echoLines(conn *net.TCPConn) {
	defer conn.Close()
	// Go switches no-delay on by itself; this server has what the kernel gives.
	if err := conn.SetNoDelay(false); err != nil {
		log.Print(err)
		return
	}
	value, err := noDelay(conn)
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println("no-delay:", value)

	reader := bufio.NewReader(conn)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return // io.EOF: the client has closed
		}
		if _, err := conn.Write([]byte(line)); err != nil {
			log.Print(err)
			return
		}
	}
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
