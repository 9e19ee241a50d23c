package clickhouse_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// noon is when the tests' blocks are ingested, at its day: recent enough to be kept.
var noon = time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)

// fleet makes requests of many tokens, each with a few addresses, routes and clients: the
// shape, though not the behaviour, of real traffic. Equal seeds make equal requests.
type fleet struct {
	random *rand.Rand
	tokens []owner
}

type owner struct {
	token    schema.TokenID
	hint     string
	consumer string
	places   []home
	client   [2]string
	size     float64
}

type home struct {
	ip    netip.Addr
	place schema.Place
}

var (
	places = []schema.Place{
		{Country: "DE", Region: "Berlin", City: "Berlin", Lat: 52.52, Lon: 13.405, AccuracyKM: 20, ASN: 3320, ASOrg: "Deutsche Telekom AG", Network: schema.NetworkResidential},
		{Country: "FR", Region: "Île-de-France", City: "Paris", Lat: 48.8566, Lon: 2.3522, AccuracyKM: 10, ASN: 12322, ASOrg: "Free SAS", Network: schema.NetworkResidential},
		{Country: "US", Region: "Virginia", City: "Ashburn", Lat: 39.0438, Lon: -77.4874, AccuracyKM: 1000, ASN: 14618, ASOrg: "Amazon.com, Inc.", Network: schema.NetworkHosting},
		{Country: "BR", Region: "São Paulo", City: "São Paulo", Lat: -23.5505, Lon: -46.6333, AccuracyKM: 50, ASN: 28573, ASOrg: "Claro NXT Telecomunicacoes Ltda", Network: schema.NetworkMobile},
	}
	clients = [][2]string{
		{"python-requests/2.32.3", "python-requests/2"}, {"openai-python/1.54.3", "openai-python/1"},
		{"curl/8.11.0", "curl/8"}, {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", "Chrome/131"},
	}
	routes   = []string{"/v1/models/{id}", "/v1/chat/completions", "/v1/embeddings", "/v1/files/{id}", "/v1/usage"}
	statuses = []uint16{200, 200, 200, 200, 200, 200, 200, 201, 404, 429, 401, 500}
)

func newFleet(seed uint64, tokens int) *fleet {
	f := &fleet{random: rand.New(rand.NewPCG(seed, 1))}
	for i := range tokens {
		o := owner{
			hint: fmt.Sprintf("hf_…%04x", i), consumer: fmt.Sprintf("team-%d", i%40),
			client: clients[f.random.IntN(len(clients))], size: 200 + 4000*f.random.Float64(),
		}
		binary.LittleEndian.PutUint64(o.token[:], f.random.Uint64())
		binary.LittleEndian.PutUint64(o.token[8:], f.random.Uint64())
		for range 1 + f.random.IntN(3) {
			o.places = append(o.places, home{
				ip:    netip.AddrFrom4([4]byte{byte(20 + f.random.IntN(180)), byte(f.random.Uint32()), byte(f.random.Uint32()), byte(f.random.Uint32())}),
				place: places[f.random.IntN(len(places))],
			})
		}
		f.tokens = append(f.tokens, o)
	}
	return f
}

// request makes a request at a time.
func (f *fleet) request(at time.Time) schema.Event {
	o := &f.tokens[f.random.IntN(len(f.tokens))]
	h := &o.places[f.random.IntN(len(o.places))]
	route := routes[f.random.IntN(len(routes))]
	e := schema.Event{
		Time: at, Token: o.token, KeyID: 1, TokenHint: o.hint, Consumer: o.consumer, Environment: "prod", Source: "kong",
		IP: h.ip, IPFrom: schema.IPFromForwarded, Place: h.place,
		Method: "POST", Route: route, Path: route, Status: statuses[f.random.IntN(len(statuses))],
		BytesIn: uint64(o.size), BytesOut: uint64(o.size * (1 + f.random.ExpFloat64())),
		Latency:   time.Duration(20e3+100e3*f.random.ExpFloat64()) * time.Microsecond,
		UserAgent: o.client[0], Client: o.client[1],
		RequestID: fmt.Sprintf("%016x%016x", f.random.Uint64(), f.random.Uint64()),
	}
	if route == routes[0] || route == routes[3] {
		e.Path = fmt.Sprintf("%s%d", route[:len(route)-len("{id}")], f.random.IntN(1000))
	}
	if route == routes[1] {
		e.UnitsIn, e.UnitsOut = uint32(f.random.IntN(4000)), uint32(f.random.IntN(1000))
		e.CostUSD = float64(e.UnitsIn*3+e.UnitsOut*15) / 1e6
	}
	return e
}

// block cuts a block of n requests that begins at an offset, with a request every step
// since start.
func (f *fleet) block(first int64, n int, start time.Time, step time.Duration) *schema.Block {
	b := &schema.Block{Topic: "gateway.access", Partition: 3, First: first, Last: first + int64(n) - 1, Ingested: noon}
	for i := range n {
		e := f.request(start.Add(time.Duration(i) * step))
		e.Topic, e.Partition, e.Offset, e.Ingested = b.Topic, b.Partition, first+int64(i), b.Ingested
		b.Events = append(b.Events, e)
	}
	return b
}

// stretch repeats a block's requests, at offsets of their own, until it has n.
func stretch(b *schema.Block, n int) *schema.Block {
	for i := len(b.Events); i < n; i++ {
		e := b.Events[i-len(b.Events)/2]
		e.Offset = b.First + int64(i)
		e.Time = e.Time.Add(time.Duration(i) * time.Millisecond)
		b.Events = append(b.Events, e)
	}
	b.Last = b.First + int64(n) - 1
	return b
}

// refuse turns a block's offsets into dead letters, besides its events.
func refuse(b *schema.Block, offsets ...int64) {
	for _, offset := range offsets {
		b.DeadLetters = append(b.DeadLetters, schema.DeadLetter{
			Ingested: b.Ingested, Topic: b.Topic, Partition: b.Partition, Offset: offset,
			Source: "kong", Reason: "bad_json", Detail: "offset 3: want }", Payload: `{"a`, Size: 3,
		})
	}
}
