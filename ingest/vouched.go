package ingest

import (
	"bytes"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// vouched takes over what the gateway says of its peer's place where the address databases
// say nothing: Cloudflare knows country and network. It says nothing of a client that
// stands further back in the forwarding chain.
func (w *decoding) vouched(e *schema.Event, r *format.Record) {
	if e.IPFrom != schema.IPFromPeer && e.IPFrom != schema.IPFromGateway {
		return
	}
	if e.Country == "" && isCountry(r.Country) {
		w.buf = append(w.buf[:0], bytes.ToUpper(r.Country)...)
		e.Country = w.texts.intern(w.buf)
	}
	if e.ASN == 0 {
		e.ASN = r.ASN
	}
}

// isCountry tells a code of ISO 3166-1 from what stands for none: XX, and T1 for Tor.
func isCountry(code []byte) bool {
	return len(code) == 2 && code[0]|0x20-'a' < 26 && code[1]|0x20-'a' < 26 && !is(code, "xx")
}
