// Sends each line that you type as one datagram, and waits two seconds for its echo.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	address := "127.0.0.1:9090"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	// ANCHOR: dial
	// No packet leaves here: Dial only notes where Write shall send to.
	conn, err := net.Dial("udp", address)
	if err != nil {
		log.Fatal(err)
	}
	// ANCHOR_END: dial
	defer conn.Close()

	buffer := make([]byte, 65535)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if _, err := conn.Write(lines.Bytes()); err != nil {
			log.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			log.Fatal(err)
		}
		n, err := conn.Read(buffer)
		if err != nil {
			fmt.Println("no echo:", err)
			continue
		}
		fmt.Println(string(buffer[:n]))
	}
}
