// Says of each address that you type what kind it is.
package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(classify(lines.Text()))
	}
}

// ANCHOR: listing
func classify(text string) string {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return "no address" // perhaps a name
	}
	kinds := []string{"ipv4"}
	if address.Is6() {
		kinds[0] = "ipv6"
	}
	if address.Is4In6() {
		kinds = append(kinds, "mapped")
		address = address.Unmap() // what follows is about the IPv4 address inside
	}
	for _, kind := range []struct {
		is   bool
		name string
	}{
		{address.IsUnspecified(), "unspecified"},
		{address.IsLoopback(), "loopback"},
		{address.IsPrivate(), "private"}, // RFC 1918 and RFC 4193
		{address.IsLinkLocalUnicast(), "link-local"},
		{address.IsMulticast(), "multicast"},
	} {
		if kind.is {
			kinds = append(kinds, kind.name)
		}
	}
	return strings.Join(kinds, " ")
}

// ANCHOR_END: listing
