import Testing
import Transport

@Suite("Addresses")
struct AddressTests {
    @Test(
        "Addresses read back as they are written",
        arguments: [
            "0.0.0.0", "127.0.0.1", "192.0.2.255", "255.255.255.255", "::", "::1", "2001:db8::1",
            "fe80::dead:beef", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::ffff:0:0:1",
        ])
    func roundTrip(text: String) throws {
        let address = try #require(SocketAddress(numeric: text, port: 8080))
        #expect(address.host == text)
        #expect(address.isIPv4 == text.contains("."))
        #expect(address.description == (address.isIPv4 ? "\(text):8080" : "[\(text)]:8080"))
        #expect(SocketAddress(numeric: "[\(text)]", port: 8080) == address)
        #expect(address.withPort(1) == SocketAddress(numeric: text, port: 1))
    }

    @Test("An IPv4 address in its IPv6 form is the IPv4 address")
    func mapped() {
        let mapped = SocketAddress(numeric: "::ffff:192.0.2.1", port: 5)
        #expect(mapped == SocketAddress(numeric: "192.0.2.1", port: 5))
        #expect(mapped?.host == "192.0.2.1")
        #expect(mapped?.ipv4 == 0xc000_0201)
    }

    @Test(
        "What is no address is none",
        arguments: [
            "", "app", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.4 ", " 1.2.3.4", "0x7f.0.0.1",
            "127.0.0.1:80", "::g", "1::2::3", "[::1", "::1]", "127.0.0.1\0x", "::1\0", "\0", "[]",
            "１.2.3.4",
        ])
    func noAddress(text: String) {
        #expect(SocketAddress(numeric: text, port: 1) == nil)
        #expect(Subnet(text) == nil)
    }

    @Test("Loopback is 127.0.0.0/8 and ::1")
    func loopback() {
        #expect(SocketAddress.loopback.isLoopback)
        #expect(SocketAddress(numeric: "127.9.9.9", port: 0)?.isLoopback == true)
        #expect(SocketAddress(numeric: "::1", port: 0)?.isLoopback == true)
        #expect(SocketAddress(numeric: "128.0.0.1", port: 0)?.isLoopback == false)
        #expect(SocketAddress(numeric: "::2", port: 0)?.isLoopback == false)
    }

    @Test(
        "A subnet holds its addresses and no other",
        arguments: [
            ("172.18.0.0/16", "172.18.255.255", "172.19.0.0"),
            ("10.1.2.3/8", "10.0.0.0", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"), ("192.0.2.7/32", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.8/31", "192.0.2.9", "192.0.2.10"), ("0.0.0.0/0", "255.0.0.1", "::1"),
            ("fd00::/8", "fdff::1", "fc00::1"),
            ("2001:db8::/64", "2001:db8::ffff", "2001:db8:0:1::"),
            ("2001:db8::/65", "2001:db8::7fff:0:0:0", "2001:db8::8000:0:0:0"),
            ("::1/128", "::1", "::2"), ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
        ])
    func subnet(text: String, inside: String, outside: String) throws {
        let subnet = try #require(Subnet(text))
        #expect(subnet.contains(try #require(SocketAddress(numeric: inside, port: 99))))
        #expect(!subnet.contains(try #require(SocketAddress(numeric: outside, port: 0))))
    }

    @Test("::/0 holds everything")
    func everything() throws {
        let all = try #require(Subnet("::/0"))
        for text in ["::", "ffff::", "1.2.3.4"] {
            #expect(all.contains(try #require(SocketAddress(numeric: text, port: 0))))
        }
    }

    @Test(
        "What is no subnet is none",
        arguments: [
            "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/ 8",
            "::/129", "/8", "app/8", "10.0.0.0/99999999999999999999",
        ])
    func noSubnet(text: String) {
        #expect(Subnet(text) == nil)
    }

    @Test("This host is attached to its loopback network")
    func attached() throws {
        let networks = try Subnet.attached()
        #expect(networks.contains { $0.contains(.loopback) })
        #expect(!networks.contains { $0.contains(SocketAddress(ipv4: 0xf000_0001, port: 0)) })
    }
}
