// Package geo owns what is known about an address: the place it is likely to be at and how likely,
// the autonomous system that announces it, and what kind of network that is.
//
//	                city *.mmdb ──► country, region, city, coordinates, radius ┐
//	address ──►                                                                ├─► Place
//	                asn *.mmdb ───► number, organisation ──► kind of network ──┘
//	                                 listed by number, or judged by the name's words;
//	                lists *.txt ──► kind of network of single addresses: Tor exits, VPNs, ...
//
// It reads MaxMind's GeoIP2 and GeoLite2 files and DB-IP's, in the layouts both sell and give away, any number of
// them: the first that knows the address answers. [Locator.Run] looks for newer files and swaps them in
// while lookups go on.
//
// It refuses to guess: private, reserved and unknown addresses have a zero Place. Databases
// are opinions, wrong for every tenth address or so; that is what the radius says, and
// detectors have to take it seriously.
//
// It is the only package that imports a reader of mmdb files.
package geo
