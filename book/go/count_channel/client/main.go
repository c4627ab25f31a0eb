// Sends each number that you type, and prints the answer, until the input ends.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"os"
)

func main() {
	address := "127.0.0.1:9123"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()

	answers := bufio.NewReader(conn)
	numbers := bufio.NewScanner(os.Stdin)
	for numbers.Scan() {
		if _, err := fmt.Fprintln(conn, numbers.Text()); err != nil {
			return err
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		fmt.Print(answer)
	}
	return numbers.Err()
}

// ANCHOR_END: listing
