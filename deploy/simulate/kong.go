package simulate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// kongRoute is what Kong's log serializer says of a service and its route: the same for all requests of an endpoint.
type kongRoute struct {
	service string // the opening of the record: service and route

}

// routes writes what does not change from request to request.
func (f *Fleet) routes() {
	for i, e := range f.api {
		name, host := "hub", "hub.internal"
		if strings.HasPrefix(e.template, "/v1/") {
			name, host = "inference", "inference.internal"
		}
		d := newDice(0x6b6f6e67, uint64(i)) // ids of the gateway, not of the fleet: the same for every seed
		service, workspace := uuid(newDice(0x6b6f6e67, uint64(len(name))<<8)), f.workspace()
		f.kongs[i].service = fmt.Sprintf(`{"service":{"host":"%s","created_at":1714232642,"connect_timeout":60000,"id":"%s","protocol":"http","name":"%s","read_timeout":60000,"port":8080,"updated_at":1714232642,"write_timeout":60000,"retries":5,"ws_id":"%s"},"route":{"id":"%s","paths":["%s"],"protocols":["https"],"strip_path":false,"created_at":1714232648,"ws_id":"%s","updated_at":1714232648,"preserve_host":false,"regex_priority":0,"service":{"id":"%s"}},"request":{"querystring":{`,
			host, service, name, workspace, uuid(d), prefix(e.template), workspace, service)
	}
}

func (f *Fleet) workspace() string { return uuid(newDice(0x6b6f6e67, 0x7773)) }

// prefix is the part of a template that a route would match on.
func prefix(template string) string {
	if i := strings.IndexAny(template, "{?"); i > 0 {
		template = template[:i]
	}
	return template
}

// kong writes a request as Kong's log plugins do (kong/pdk/log.lua): numbers as numbers, times in ms, the headers with
// Authorization redacted, the key's owner as authenticated_entity and consumer.
func (f *Fleet) kong(dst []byte, r *request) []byte {
	t, e := f.tokens[r.token], &f.api[r.endpoint]
	var room [192]byte
	path := f.path(room[:0], r)
	dst = append(dst, f.kongs[r.endpoint].service...)
	dst = query(dst, path)
	dst = append(dst, `},"size":`...)
	dst = strconv.AppendUint(dst, uint64(r.in), 10)
	dst = append(dst, `,"uri":"`...)
	dst = append(dst, path...)
	dst = append(dst, `","url":"https://api.modelhub.example:8443`...)
	dst = append(dst, path...)
	dst = append(dst, `","headers":{"host":"api.modelhub.example","accept":"*/*","accept-encoding":"gzip, deflate","user-agent":"`...)
	dst = append(dst, r.agent...)
	if t.owner.forwarded {
		dst = append(dst, `","x-forwarded-for":"`...)
		dst = r.from.AppendTo(dst)
	}
	if e.method == "POST" {
		dst = append(dst, `","content-type":"application/json","content-length":"`...)
		dst = strconv.AppendUint(dst, uint64(r.in-min(r.in, requestHead)), 10)
	}
	dst = append(dst, `","authorization":"REDACTED"},"method":"`...)
	dst = append(dst, e.method...)
	dst = append(dst, `","id":"`...)
	dst = requestID(dst, r.draw)
	dst = f.kongResponse(append(dst, `"},`...), r)
	return f.kongCaller(dst, r, t, path)
}

func (f *Fleet) kongResponse(dst []byte, r *request) []byte {
	at := time.UnixMilli(r.end).UTC()
	dst = append(dst, `"response":{"headers":{"content-type":"application/json","date":"`...)
	dst = at.AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	dst = append(dst, `","connection":"close","content-length":"`...)
	dst = strconv.AppendUint(dst, uint64(r.out), 10)
	dst = append(dst, `","server":"uvicorn","via":"1.1 kong/3.9.1","x-kong-proxy-latency":"1","x-kong-upstream-latency":"`...)
	dst = strconv.AppendUint(dst, uint64(r.latency-min(r.latency, 1)), 10)
	dst = append(dst, `"},"status":`...)
	dst = strconv.AppendUint(dst, uint64(r.status), 10)
	dst = append(dst, `,"size":`...)
	dst = strconv.AppendUint(dst, uint64(r.out+316), 10)
	dst = append(dst, `},"latencies":{"request":`...)
	dst = strconv.AppendUint(dst, uint64(r.latency), 10)
	dst = append(dst, `,"kong":`...)
	dst = strconv.AppendUint(dst, uint64(min(r.latency, 1)), 10)
	dst = append(dst, `,"proxy":`...)
	dst = strconv.AppendUint(dst, uint64(r.latency-min(r.latency, 1)), 10)
	dst = append(dst, `},"tries":[{"balancer_latency":0,"port":8080,"balancer_start":`...)
	dst = strconv.AppendInt(dst, r.end-int64(r.latency)+1, 10)
	dst = append(dst, `,"ip":"10.20.0.`...)
	dst = strconv.AppendUint(dst, 10+r.draw>>10&31, 10)
	return append(dst, `"}],`...)
}

func (f *Fleet) kongCaller(dst []byte, r *request, t *token, path []byte) []byte {
	dst = append(dst, `"client_ip":"`...)
	dst = r.from.AppendTo(dst)
	dst = append(dst, `","workspace_name":"default","upstream_uri":"`...)
	dst = append(dst, path...)
	dst = append(dst, `","authenticated_entity":{"id":"`...)
	dst = append(dst, t.Credential...)
	dst = append(dst, `"},"consumer":{"id":"`...)
	dst = append(dst, t.owner.consumers[t.Environment]...)
	dst = append(dst, `","created_at":1714235962,"username":"`...)
	dst = append(dst, t.consumer...)
	dst = append(dst, `","custom_id":"`...)
	dst = append(dst, t.owner.slug...)
	dst = append(dst, `"},"started_at":`...)
	dst = strconv.AppendInt(dst, r.end-int64(r.latency), 10)
	return append(dst, '}')
}

// query writes a path's query string as JSON members.
func query(dst, path []byte) []byte {
	i := 0
	for i < len(path) && path[i] != '?' {
		i++
	}
	if i == len(path) {
		return dst
	}
	dst = append(dst, '"')
	for _, c := range path[i+1:] {
		switch c {
		case '=':
			dst = append(dst, `":"`...)
		case '&':
			dst = append(dst, `","`...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
