package channels

import "net/netip"

// special reports whether an address is anything but one of the public internet, by the registries of
// special-purpose addresses that RFC 6890 founded:
// https://www.iana.org/assignments/iana-ipv4-special-registry/ and
// https://www.iana.org/assignments/iana-ipv6-special-registry/. Blocks that the registries call globally
// reachable (AS112, AMT, …) are special here too: nobody who is to be told of anything lives there.
//
// Of IPv6, global unicast (2000::/3) alone can be public. An address that carries one of IPv4 is as
// public as that one, if a translator takes it there (::ffff:0:0/96, 64:ff9b::/96 of RFC 6052), and
// never where the way is obsolete (6to4, Teredo).
func special(ip netip.Addr) bool {
	ip = ip.Unmap()
	if translated := netip.MustParsePrefix("64:ff9b::/96"); translated.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[12:]))
	}
	blocks := specialIPv4()
	if ip.Is6() {
		if !netip.MustParsePrefix("2000::/3").Contains(ip.WithZone("")) {
			return true
		}
		blocks = specialIPv6()
	}
	for _, block := range blocks {
		if netip.MustParsePrefix(block).Contains(ip.WithZone("")) {
			return true
		}
	}
	return !ip.IsValid()
}

func specialIPv4() []string {
	return []string{
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private use
		"100.64.0.0/10",   // shared address space
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link local, clouds' metadata services among them
		"172.16.0.0/12",   // private use
		"192.0.0.0/24",    // IETF protocol assignments
		"192.0.2.0/24",    // documentation
		"192.31.196.0/24", // AS112
		"192.52.193.0/24", // AMT
		"192.88.99.0/24",  // 6to4 relays, obsolete
		"192.168.0.0/16",  // private use
		"192.175.48.0/24", // AS112
		"198.18.0.0/15",   // benchmarking
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast (RFC 5771)
		"240.0.0.0/4",     // reserved, the limited broadcast among them
	}
}

// specialIPv6 are the special blocks within 2000::/3.
func specialIPv6() []string {
	return []string{
		"2001::/23",         // IETF protocol assignments: Teredo, benchmarking, ORCHID and others
		"2001:db8::/32",     // documentation
		"2002::/16",         // 6to4
		"2620:4f:8000::/48", // AS112
		"3fff::/20",         // documentation
	}
}
