package simulate

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// writer writes a request down as a gateway logs it.
type writer func(f *Fleet, dst []byte, r *request) []byte

func writers() map[string]writer {
	return map[string]writer{
		"nginx": (*Fleet).nginx, "kong": (*Fleet).kong, "apisix": (*Fleet).apisix, "envoy": (*Fleet).envoy, "traefik": (*Fleet).traefik,
		"caddy": (*Fleet).caddy, "haproxy": (*Fleet).haproxy, "aws-apigateway": (*Fleet).aws, "cloudflare": (*Fleet).cloudflare,
		"litellm": (*Fleet).litellm, "tokenwatch": (*Fleet).own,
	}
}

// Gateways lists the gateways whose records the fleet can write.
func Gateways() []string { return slices.Sorted(maps.Keys(writers())) }

// began is when the request came in, ms since 1970.
func (r *request) began() int64 { return r.end - int64(r.latency) }

// port is the client's, which nobody should look at.
func (r *request) port() uint64 { return 32768 + r.draw>>20%28000 }

// units are the request's LLM tokens, at four bytes each; only calls of models have any.
func (r *request) units() (in, out uint64) {
	if r.endpoint > embed || r.status >= 400 {
		return 0, 0
	}
	if r.endpoint == embed {
		return uint64(r.in) / 4, 0
	}
	return uint64(r.in) / 4, uint64(r.out) / 4
}

// text appends a JSON member whose value needs no escaping.
func text(dst []byte, head, value string) []byte {
	dst = append(append(dst, head...), value...)
	return append(dst, '"')
}

// count appends a JSON member with a number.
func count(dst []byte, head string, n uint64) []byte {
	return strconv.AppendUint(append(dst, head...), n, 10)
}

// address appends a JSON member with the client's address.
func address(dst []byte, head string, r *request) []byte {
	return append(r.from.AppendTo(append(dst, head...)), '"')
}

// peer is the same with a port.
func peer(dst []byte, head string, r *request) []byte {
	dst = append(r.from.AppendTo(append(dst, head...)), ':')
	return append(strconv.AppendUint(dst, r.port(), 10), '"')
}

// instant appends a JSON member with a moment.
func instant(dst []byte, head string, ms int64, layout string) []byte {
	return append(time.UnixMilli(ms).UTC().AppendFormat(append(dst, head...), layout), '"')
}

// path appends a JSON member with the request's URI.
func (f *Fleet) uri(dst []byte, head string, r *request) []byte {
	return append(f.path(append(dst, head...), r), '"')
}

// id appends a JSON member with the request's id.
func id(dst []byte, head string, r *request) []byte {
	return append(requestID(append(dst, head...), r.draw), '"')
}

// sent appends the token as its client sends it: by the one header or the other.
func (t *token) sent(dst []byte, bearer, key string) []byte {
	if t.owner.apiKey {
		return text(dst, key, t.Secret)
	}
	return text(append(append(dst, bearer...), "Bearer "...), "", t.Secret)
}
