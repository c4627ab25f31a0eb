// As many tutorials write it: one line to a server that is named, not numbered.
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	conn, err := net.Dial("tcp", "localhost:8080")
	if err != nil {
		fmt.Println("dial failed:", err)
		os.Exit(1)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "Hello, server!\n")
	buffer := make([]byte, 1024)
	n, err := conn.Read(buffer)
	if err != nil {
		fmt.Println("read failed:", err)
		os.Exit(1)
	}
	fmt.Println("Server says:", string(buffer[:n]))
}
