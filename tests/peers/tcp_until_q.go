// As many tutorials write it: a loop that sends what is typed until it is Q,
// to a server whose address stands in the source.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
)

func main() {
	conn, err := net.Dial("tcp", "127.0.0.1:9090")
	if err != nil {
		fmt.Println("dial failed:", err)
		os.Exit(1)
	}
	defer conn.Close()
	keyboard := bufio.NewReader(os.Stdin)
	for {
		typed, _ := keyboard.ReadString('\n')
		line := strings.Trim(typed, "\r\n")
		if strings.ToUpper(line) == "Q" {
			return
		}
		if _, err = conn.Write([]byte(line)); err != nil {
			return
		}
		var buf [512]byte
		n, err := conn.Read(buf[:])
		if err != nil {
			fmt.Println("read failed:", err)
			return
		}
		fmt.Println(string(buf[:n]))
	}
}
