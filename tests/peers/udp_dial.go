// As many tutorials write it: one datagram to port 9090 of "this host", and one answer.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	// 0.0.0.0 as a destination means this host on Linux and macOS.
	socket, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(0, 0, 0, 0), Port: 9090})
	if err != nil {
		fmt.Println("dial failed:", err)
		os.Exit(1)
	}
	defer socket.Close()
	if _, err = socket.Write([]byte("Hello server")); err != nil {
		fmt.Println("send failed:", err)
		os.Exit(1)
	}
	data := make([]byte, 4096)
	n, from, err := socket.ReadFromUDP(data)
	if err != nil {
		fmt.Println("receive failed:", err)
		os.Exit(1)
	}
	fmt.Printf("recv:%v addr:%v count:%v\n", string(data[:n]), from, n)
}
