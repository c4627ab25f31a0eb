// Listens and never accepts, with a queue that is full: who connects hears nothing.
package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"syscall"
	"time"
)

func main() {
	port := 9092
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
// On loopback a connection stands at once, or there was no room for it.
const atOnce = 100 * time.Millisecond

// Clients that nobody will accept. They are kept, so that they stay open.
var clients []net.Conn

// Fills the queue of connections that wait for accept, which nobody will call.
func hold(port int) (string, error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return "", err
	}
	loopback := &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	if err := syscall.Bind(socket, loopback); err != nil {
		return "", err
	}
	// Room for as few as the system allows; net.Listen would take as many.
	if err := syscall.Listen(socket, 1); err != nil {
		return "", err
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return "", err
	}
	address := fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
	for len(clients) < 16 {
		client, err := net.DialTimeout("tcp", address, atOnce)
		var failure net.Error
		if errors.As(err, &failure) && failure.Timeout() {
			return address, nil
		}
		if err != nil {
			return "", err
		}
		clients = append(clients, client)
	}
	return "", errors.New("this system's queue does not get full")
}

// ANCHOR_END: listing
