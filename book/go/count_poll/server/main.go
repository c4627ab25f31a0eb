//go:build linux

// Adds up the numbers it is sent: one goroutine asks which sockets are ready, and serves those.
// Go's runtime does this for every program; here it is by hand, with the system calls of Linux.
package main

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	address := "127.0.0.1:9122"
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
// A client that sends a longer line is sent away.
const maxLineBytes = 1024

// Tell me once when it can be read or written again. The last bit is EPOLLET.
const interest = syscall.EPOLLIN | syscall.EPOLLOUT | 1<<31

// The loop: wait until something is ready, then do all that can be done without waiting.
func serve(listener *net.TCPListener) error {
	file, err := listener.File()
	if err != nil {
		return err
	}
	listening := int(file.Fd())
	if err := syscall.SetNonblock(listening, true); err != nil {
		return err
	}
	poll, err := syscall.EpollCreate1(0)
	if err != nil {
		return err
	}
	if err := register(poll, listening); err != nil {
		return err
	}
	events := make([]syscall.EpollEvent, 64)
	clients := map[int]*client{}
	total := int64(0)
	for {
		n, err := syscall.EpollWait(poll, events, -1)
		if err != nil && err != syscall.EINTR {
			return err
		}
		for i := 0; i < n; i++ {
			fd := int(events[i].Fd)
			if fd == listening {
				err := acceptAll(listening, poll, clients)
				if err != syscall.EAGAIN {
					return err
				}
			} else if err := clients[fd].advance(&total); err != syscall.EAGAIN {
				syscall.Close(fd) // it has closed, or failed
				delete(clients, fd)
			}
		}
	}
}

func register(poll, fd int) error {
	event := syscall.EpollEvent{Events: interest, Fd: int32(fd)}
	return syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, fd, &event)
}

// Ends with EAGAIN when nobody else is there.
func acceptAll(listening, poll int, clients map[int]*client) error {
	for {
		fd, _, err := syscall.Accept4(listening, syscall.SOCK_NONBLOCK)
		if err != nil {
			return err
		}
		if err := register(poll, fd); err != nil {
			return err
		}
		clients[fd] = &client{fd: fd}
	}
}

// What a goroutine would keep in its variables while it waits.
type client struct {
	fd       int
	received []byte
	unsent   []byte
}

// Goes on where it stopped. Ends with EAGAIN when the socket would have to wait.
func (c *client) advance(total *int64) error {
	buffer := make([]byte, maxLineBytes)
	for {
		for len(c.unsent) > 0 {
			n, err := syscall.SendmsgN(c.fd, c.unsent, nil, nil, syscall.MSG_NOSIGNAL)
			if err != nil {
				return err
			}
			c.unsent = c.unsent[n:]
		}
		if end := bytes.IndexByte(c.received, '\n'); end >= 0 {
			c.unsent = answer(c.received[:end+1], total)
			c.received = c.received[end+1:]
			continue
		}
		room := maxLineBytes - len(c.received)
		if room == 0 {
			return nil // its line is too long
		}
		n, err := syscall.Read(c.fd, buffer[:room])
		if err != nil || n == 0 {
			return err // nil: the client has closed
		}
		c.received = append(c.received, buffer[:n]...)
	}
}

func answer(line []byte, total *int64) []byte {
	number, err := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
	if err != nil {
		return []byte("not a number\n")
	}
	*total += number
	return []byte(fmt.Sprintf("total %d\n", *total))
}

// ANCHOR_END: listing
