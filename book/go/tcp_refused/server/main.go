// Takes a port and does not listen there: who connects is refused.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"syscall"
)

func main() {
	port := 9091
	if len(os.Args) > 1 {
		address, err := net.ResolveTCPAddr("tcp", os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		port = address.Port
	}
	address, err := hold(port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("holding", address)
	select {} // for ever
}

// ANCHOR: listing
// The port is ours as long as the socket is open, so that no other program listens there.
func hold(port int) (string, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", err
	}
	loopback := &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Bind(socket, loopback); err != nil {
		return "", err
	}
	// And never syscall.Listen.
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port), nil
}

// ANCHOR_END: listing
