package console

import (
	"html/template"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// filter is which requests of an incident are shown, as it stands in the address of the page.
type caseFilter struct {
	Status, Route, IP, Behind string // as they were asked for
	read                      board.CaseFilter
}

// On reports whether not all requests are shown.
func (f caseFilter) On() bool { return f.Status != "" || f.Route != "" || f.IP != "" }

// asked is the filter for the store: one more than a page tells whether there is another.
func (f caseFilter) asked() board.CaseFilter {
	f.read.Limit = requestsAPage + 1
	return f.read
}

// longest texts of a filter that make sense.
const mostFilter = 2000

func caseFilterOf(q url.Values) (caseFilter, error) {
	f := caseFilter{Status: strings.TrimSpace(q.Get("status")), Route: q.Get("route"), IP: strings.TrimSpace(q.Get("ip")), Behind: q.Get("behind")}
	if len(f.Route) > mostFilter || strings.ContainsRune(f.Route, 0) {
		return f, refused("The route to filter by is too long to be one.", "Choose one from the list of routes.")
	}
	f.read.Route = f.Route
	if f.Status != "" {
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.ToLower(f.Status), "xx"), 10, 16)
		whole := !strings.HasSuffix(strings.ToLower(f.Status), "xx")
		if err != nil || whole && (n < 100 || n > 999) || !whole && (n < 1 || n > 9) {
			return f, refused("“"+clip(f.Status, 20)+"” is no status to filter by.", "Write one such as 404, or a class such as 4xx.")
		}
		f.read.Status = uint16(n)
	}
	if f.IP != "" {
		ip, err := netip.ParseAddr(f.IP)
		if err != nil {
			return f, refused("“"+clip(f.IP, 60)+"” is no address to filter by.", "Write one such as 203.0.113.9 or 2001:db8::9.")
		}
		f.read.IP = ip
	}
	if f.Behind != "" {
		mark, ok := caseMarkOf(f.Behind)
		if !ok {
			return f, refused("The page of requests that was asked for makes no sense.", "Begin at the first page.")
		}
		f.read.Behind = mark
	}
	return f, nil
}

// markOf reads what older wrote: milliseconds, partition, offset, item and topic.
func caseMarkOf(s string) (board.CaseMark, bool) {
	parts := strings.SplitN(s, ".", 5)
	if len(parts) != 5 || len(parts[4]) > 249 || len(s) > 400 {
		return board.CaseMark{}, false
	}
	var n [4]int64
	for i := range n {
		v, err := strconv.ParseInt(parts[i], 10, 64)
		if err != nil || v < 0 || i == 1 && v > 1<<31-1 || i == 3 && v > 1<<32-1 {
			return board.CaseMark{}, false
		}
		n[i] = v
	}
	const latest = 4_291_747_200_000 // 2106: beyond it there is no time in ClickHouse
	return board.CaseMark{At: time.UnixMilli(n[0]).UTC(), Partition: int32(n[1]), Offset: n[2], Item: uint32(n[3]), Topic: parts[4]}, n[0] > 0 && n[0] < latest
}

// older is the query of the page after a request. It is encoded already.
func (f caseFilter) older(q board.CaseRequest) template.URL {
	values := f.values()
	values.Set("behind", strings.Join([]string{
		strconv.FormatInt(q.At.UnixMilli(), 10), strconv.FormatInt(int64(q.Partition), 10), strconv.FormatInt(q.Offset, 10), strconv.FormatUint(uint64(q.Item), 10), q.Topic,
	}, "."))
	return template.URL(values.Encode())
}

// First is the query of the first page.
func (f caseFilter) First() template.URL { return template.URL(f.values().Encode()) }

func (f caseFilter) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"status": f.Status, "route": f.Route, "ip": f.IP} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}
