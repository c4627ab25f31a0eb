#!/usr/bin/env python3
"""Captures the files beside it anew: as root on Linux, with iproute2, tcpdump, editcap and dig.

Two network namespaces are the two machines. A cable (veth), or a program that forwards what two
TAP or TUN devices send and loses some of it, joins them. Nothing leaves this machine.
"""

import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LIBC = ctypes.CDLL(None, use_errno=True)
V4 = {"a": "192.0.2.10", "b": "192.0.2.20"}
V6 = {"a": "2001:db8::10", "b": "2001:db8::20"}
MAC = {"a": "02:00:00:00:00:01", "b": "02:00:00:00:00:02"}
TUNSETIFF, IFF_TUN, IFF_TAP, IFF_NO_PI = 0x400454CA, 1, 2, 0x1000


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def inside(space, *words):
    run("ip", "netns", "exec", "wb_" + space, *words)


def enter(space):
    """This thread, and the sockets that it makes, are on that machine from now on."""
    with open("/run/netns/wb_" + space) as handle:
        if LIBC.setns(handle.fileno(), 0x40000000) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def on(space, work, *arguments):
    thread = threading.Thread(target=lambda: (enter(space), work(*arguments)), daemon=True)
    thread.start()
    return thread


def addresses(space, device, options=("nodad",)):
    inside(space, "ip", "addr", "add", V4[space] + "/24", "dev", device)
    inside(space, "ip", "addr", "add", V6[space] + "/64", "dev", device, *options)
    inside(space, "ip", "link", "set", device, "up")


def spaces():
    for space in "ab":
        subprocess.run(["ip", "netns", "del", "wb_" + space], stderr=subprocess.DEVNULL, check=False)
        run("ip", "netns", "add", "wb_" + space)
        inside(space, "ip", "link", "set", "lo", "up")


def cable(before=lambda: None):
    spaces()
    run("ip", "link", "add", "v", "netns", "wb_a", "type", "veth", "peer", "name", "v", "netns", "wb_b")
    before()
    for space in "ab":
        inside(space, "ip", "link", "set", "v", "address", MAC[space])
        inside(space, "ethtool", "-K", "v", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        addresses(space, "v")


def forwarded(kind, fate):
    """Joins two devices; fate(number, packet) says what is passed on for the packet."""
    spaces()
    ends = []

    def device(space):
        handle = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(handle, TUNSETIFF, struct.pack("16sH", b"v", kind | IFF_NO_PI))
        ends.append(handle)

    for space in "ab":
        on(space, device, space).join()
        if kind == IFF_TAP:
            inside(space, "ip", "link", "set", "v", "address", MAC[space])
        addresses(space, "v")

    def forward():
        number = 0
        while True:
            for handle in select.select(ends, [], [])[0]:
                packet = os.read(handle, 65536)
                number += 1
                for passed in fate(number, packet):
                    os.write(ends[1] if handle == ends[0] else ends[0], passed)

    threading.Thread(target=forward, daemon=True).start()


def capture(name, work, device="v", space="a", expression="ip or ip6 or vlan", wait=0.4):
    raw = os.path.join(tempfile.gettempdir(), "wb_%s.pcap" % name)
    watching = ["ip", "netns", "exec", "wb_" + space, "tcpdump", "-i", device, "-U", "--immediate-mode",
                "-w", raw, expression]
    tcpdump = subprocess.Popen(watching, stderr=subprocess.PIPE, text=True)
    for line in tcpdump.stderr:
        if "listening" in line:
            break
    else:
        raise RuntimeError("tcpdump does not listen")
    work()
    # What is on its way to tcpdump is awaited: it announces nothing.
    time.sleep(wait)
    tcpdump.terminate()
    tcpdump.wait()
    print(name)
    run("editcap", "-F", "pcapng", raw, os.path.join(HERE, name + ".pcapng"))
    os.unlink(raw)


def listen(address, port, serve, **options):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    ready = threading.Event()

    def work():
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if "buffer" in options:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["buffer"])
        listener.bind((address, port))
        listener.listen()
        ready.set()
        serve(listener.accept()[0])

    thread = on(options.get("space", "b"), work)
    ready.wait()
    return thread


def exchange(address, port, client, serve, source="a", **options):
    server = listen(address, port, serve, **options)

    def work():
        stream = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        stream.settimeout(20)
        try:
            stream.connect((address, port))
            client(stream)
        except OSError as error:
            print("  ", error)

    on(source, work).join()
    server.join(20)


def ok(stream):
    while stream.recv(1024):
        stream.sendall(b"ok")
    stream.close()


def hello(stream):
    stream.sendall(b"hello")
    stream.recv(10)
    stream.close()


def sink(stream):
    while stream.recv(65536):
        pass
    stream.close()


def main():
    cable()
    capture("tcp_ipv4", lambda: exchange(V4["b"], 9090, hello, ok))
    capture("tcp_ipv6", lambda: exchange(V6["b"], 9090, hello, ok))

    def plain():
        for space in "ab":
            for knob in "tcp_sack", "tcp_timestamps", "tcp_window_scaling":
                inside(space, "sysctl", "-q", "-w", "net.ipv4.%s=0" % knob)
        exchange(V4["b"], 9090, hello, ok)

    cable()
    capture("tcp_no_options", plain)

    def congestion():
        for space in "ab":
            inside(space, "sysctl", "-q", "-w", "net.ipv4.tcp_ecn=1")
        exchange(V4["b"], 9090, hello, ok)

    cable()
    capture("tcp_ecn", congestion)

    def reset():
        def abort(stream):
            stream.sendall(b"hello")
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()

        def read(stream):
            try:
                sink(stream)
            except OSError:
                stream.close()

        exchange(V4["b"], 9090, abort, read)

        def refused():
            try:
                socket.create_connection((V4["b"], 9099))
            except OSError as error:
                print("  ", error)

        on("a", refused).join()

    cable()
    capture("tcp_reset", reset)

    def slow():
        def fill(stream):
            stream.setblocking(False)
            try:
                while True:
                    stream.send(b"x" * 1000)
            except BlockingIOError:
                pass
            time.sleep(0.8)
            stream.setblocking(True)
            stream.shutdown(socket.SHUT_WR)
            stream.recv(1)
            stream.close()

        def late(stream):
            time.sleep(0.7)
            sink(stream)

        def small(stream):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
            fill(stream)

        exchange(V4["b"], 9090, small, late, buffer=2304)

    cable()
    capture("tcp_zero_window", slow)

    def urgent():
        def shout(stream):
            stream.send(b"hurry", socket.MSG_OOB)
            stream.close()

        exchange(V4["b"], 9090, shout, sink)

    cable()
    capture("tcp_urgent", urgent)

    def lossy(name, kind, address):
        seen = {"data": 0}

        def fate(number, packet):
            if len(packet) > 400:
                seen["data"] += 1
                # The third is lost, and the ninth changes places with the tenth.
                if seen["data"] == 3:
                    return []
                if seen["data"] == 9:
                    seen["kept"] = packet
                    return []
                if seen["data"] == 10:
                    return [packet, seen["kept"]]
            return [packet]

        def work():
            def send(stream):
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for number in range(14):
                    stream.sendall(bytes([97 + number]) * 500)
                stream.shutdown(socket.SHUT_WR)
                stream.recv(1)
                stream.close()

            exchange(address, 9090, send, sink)

        forwarded(kind, fate)
        capture(name, work, expression="ip or ip6")

    lossy("tcp_loss", IFF_TAP, V4["b"])
    lossy("tcp_loss_ip", IFF_TUN, V6["b"])

    def unanswered():
        def work():
            stream = socket.socket()
            stream.settimeout(2.5)
            try:
                stream.connect((V4["b"], 9090))
            except OSError as error:
                print("  ", error)

        on("a", work).join()

    forwarded(IFF_TUN, lambda number, packet: [])
    capture("tcp_syn_again", unanswered, expression="ip or ip6")

    def datagrams():
        for address, family in (V4["b"], socket.AF_INET), (V6["b"], socket.AF_INET6):
            ready = threading.Event()

            def echo():
                server = socket.socket(family, socket.SOCK_DGRAM)
                server.bind((address, 9090))
                ready.set()
                data, peer = server.recvfrom(65536)
                server.sendto(data, peer)

            server = on("b", echo)
            ready.wait()

            def client():
                one = socket.socket(family, socket.SOCK_DGRAM)
                one.settimeout(2)
                one.sendto(b"hello", (address, 9090))
                one.recv(100)
                # Too long for a packet, so that it goes in fragments.
                one.sendto(b"fragment" * 400, (address, 9091))
                one.connect((address, 9092))
                one.send(b"anyone?")
                try:
                    one.recv(100)
                except OSError as error:
                    print("  ", error)

            on("a", client).join()
            server.join()

    cable()
    capture("udp", datagrams)

    def ping():
        def echo():
            body = b"are you there?" + bytes(18)
            four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            message = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + body
            total = sum(struct.unpack("!%dH" % (len(message) // 2), message))
            total = (total & 0xFFFF) + (total >> 16)
            message = message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]
            four.sendto(message, (V4["b"], 0))
            # Record route (RFC 791, 3.1), with room for three addresses.
            four.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([7, 15, 4] + [0] * 13))
            four.sendto(message, (V4["b"], 0))
            six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            six.sendto(struct.pack("!BBHHH", 128, 0, 0, 7, 1) + body, (V6["b"], 0))

        on("a", echo).join()

    cable()
    capture("icmp_echo", ping, expression="icmp or icmp6", wait=2.2)

    def beyond():
        inside("b", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        inside("b", "sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
        inside("a", "ip", "route", "add", "198.51.100.0/24", "via", V4["b"])
        inside("a", "ip", "route", "add", "2001:db8:1::/48", "via", V6["b"])
        inside("b", "ip", "route", "add", "unreachable", "198.51.100.64/26")
        inside("b", "ip", "route", "add", "198.51.100.0/26", "dev", "lo")
        inside("b", "ip", "link", "add", "narrow", "type", "veth", "peer", "name", "other")
        inside("b", "ip", "link", "set", "other", "up")
        inside("b", "ip", "link", "set", "narrow", "mtu", "1280", "up")
        inside("b", "ip", "route", "add", "198.51.100.128/26", "dev", "narrow")
        inside("b", "ip", "-6", "route", "add", "2001:db8:1:1::/64", "dev", "narrow")

        def client():
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.sendto(b"unreachable", ("198.51.100.65", 9))
            one.setsockopt(socket.IPPROTO_IP, 10, 2)
            one.sendto(b"x" * 1400, ("198.51.100.129", 9))
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
            one.sendto(b"time exceeded", ("198.51.100.129", 9))
            six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            six.sendto(b"no route", ("2001:db8:1:2::1", 9))
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 1)
            six.sendto(b"time exceeded", ("2001:db8:1:1::1", 9))

        on("a", client).join()

    cable()
    capture("icmp_errors", beyond, wait=2.2)

    def up():
        for space in "ab":
            inside(space, "ip", "link", "set", "v", "address", MAC[space])
            addresses(space, "v", ())

    spaces()
    run("ip", "link", "add", "v", "netns", "wb_a", "type", "veth", "peer", "name", "v", "netns", "wb_b")
    inside("a", "ip", "link", "set", "v", "up")

    def neighbours():
        up()
        time.sleep(2.5)
        on("a", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"hi", (V6["b"], 9))).join()

    capture("icmp_neighbours", neighbours, expression="ip6 or arp")

    def tagged():
        # Linux without VLANs: the frame of an exhibit, sent with a tag (class 5, VLAN 42).
        with open(os.path.join(HERE, "../../../book/packets/udp_echo.hex")) as lines:
            frame = bytes.fromhex(" ".join(line for line in lines if not line.startswith("#")))

        def send():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            raw.bind(("v", 0))
            raw.send(frame[:12] + struct.pack("!HH", 0x8100, 5 << 13 | 42) + frame[12:])

        on("a", send).join()

    cable()
    capture("vlan", tagged, expression="vlan and ip")

    spaces()
    loopback = lambda: exchange("127.0.0.1", 9090, hello, ok, space="a")
    capture("loopback", loopback, device="lo")
    loopback_v6 = lambda: exchange("::1", 9090, hello, ok, space="a")
    capture("loopback_ipv6", loopback_v6, device="lo")

    # The path of the gateway, whose DNS server answers.
    if len(sys.argv) > 1:
        gateway = subprocess.Popen(
            ["ip", "netns", "exec", "wb_a", sys.argv[1], "serve", "--no-open"], stdout=subprocess.PIPE, text=True)
        while "7878" not in gateway.stdout.readline():
            pass

        def ask():
            for kind in "A", "AAAA", "MX", "TXT":
                inside("a", "dig", "+tries=1", "+time=2", "@127.0.0.1", "-p", "5300", "www.wirebook.test", kind)

        try:
            capture("dns", ask, device="lo")
        finally:
            gateway.terminate()
    for space in "ab":
        run("ip", "netns", "del", "wb_" + space)


main()
