// Asks the lesson's DNS server for the addresses of each name that you type.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	address := "127.0.0.1:5300"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := run(address); err != nil {
		log.Fatal(err)
	}
}

// ANCHOR: listing
func run(address string) error {
	// The resolver of every Go program, but it asks our server and no other.
	resolver := &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "udp", address)
		},
	}
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() {
		fmt.Println(lookUp(resolver, names.Text()))
	}
	return names.Err()
}

func lookUp(resolver *net.Resolver, name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	// The dot at the end: no search list, the name is meant as it is.
	addresses, err := resolver.LookupNetIP(ctx, "ip4", name+".")
	var failure *net.DNSError
	switch {
	case err == nil:
		return fmt.Sprint(addresses)
	case errors.As(err, &failure) && failure.IsNotFound:
		return "no such name" // the server has said so
	case errors.As(err, &failure) && failure.IsTimeout:
		return "no answer in time" // nobody has said anything
	default:
		return err.Error()
	}
}

// ANCHOR_END: listing
