package simulate

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// nginx writes a request with the log_format
//
//	time_iso8601 msec request_id remote_addr remote_user http_x_forwarded_for request_method request_uri
//	server_protocol host status bytes_sent body_bytes_sent request_length request_time upstream_addr upstream_status
//	upstream_response_time http_user_agent http_referer consumer http_authorization http_x_api_key
//
// in JSON (escape=json): every value a string, unset ones empty, times in seconds, msec the moment of logging.
func (f *Fleet) nginx(dst []byte, r *request) []byte {
	t, head := f.tokens[r.token], uint32(238)
	at := time.UnixMilli(r.end).UTC()
	dst = append(dst, `{"time_iso8601":"`...)
	dst = at.AppendFormat(dst, "2006-01-02T15:04:05+00:00")
	dst = append(dst, `","msec":"`...)
	dst = seconds(dst, uint64(r.end))
	dst = append(dst, `","request_id":"`...)
	dst = requestID(dst, r.draw)
	dst = append(dst, `","remote_addr":"`...)
	dst = r.from.AppendTo(dst)
	dst = append(dst, `","remote_user":"","http_x_forwarded_for":"`...)
	if t.owner.forwarded {
		dst = r.from.AppendTo(dst)
	}
	dst = append(dst, `","request_method":"`...)
	dst = append(dst, f.api[r.endpoint].method...)
	dst = append(dst, `","request_uri":"`...)
	dst = f.path(dst, r)
	dst = append(dst, `","server_protocol":"HTTP/1.1","host":"api.modelhub.example","status":"`...)
	dst = strconv.AppendUint(dst, uint64(r.status), 10)
	dst = append(dst, `","bytes_sent":"`...)
	dst = strconv.AppendUint(dst, uint64(r.out+head), 10)
	dst = append(dst, `","body_bytes_sent":"`...)
	dst = strconv.AppendUint(dst, uint64(r.out), 10)
	dst = append(dst, `","request_length":"`...)
	dst = strconv.AppendUint(dst, uint64(r.in), 10)
	dst = append(dst, `","request_time":"`...)
	dst = seconds(dst, uint64(r.latency))
	dst = append(dst, `","upstream_addr":"10.12.`...)
	dst = strconv.AppendUint(dst, r.draw>>8&3, 10)
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, 10+r.draw>>10&31, 10)
	dst = append(dst, `:8080","upstream_status":"`...)
	dst = strconv.AppendUint(dst, uint64(r.status), 10)
	dst = append(dst, `","upstream_response_time":"`...)
	dst = seconds(dst, uint64(r.latency-min(r.latency, 1)))
	dst = append(dst, `","http_user_agent":"`...)
	dst = append(dst, r.agent...)
	dst = append(dst, `","http_referer":"","consumer":"`...)
	dst = append(dst, t.consumer...)
	return nginxToken(dst, t)
}

// nginxToken closes the record with the headers that may carry the token.
func nginxToken(dst []byte, t *token) []byte {
	if t.owner.apiKey {
		dst = append(dst, `","http_authorization":"","http_x_api_key":"`...)
		dst = append(dst, t.Secret...)
		return append(dst, `"}`...)
	}
	dst = append(dst, `","http_authorization":"Bearer `...)
	dst = append(dst, t.Secret...)
	return append(dst, `","http_x_api_key":""}`...)
}

// seconds writes milliseconds as seconds with three decimals.
func seconds(dst []byte, ms uint64) []byte {
	dst = strconv.AppendUint(dst, ms/1000, 10)
	rest := ms % 1000
	return append(dst, '.', '0'+byte(rest/100), '0'+byte(rest/10%10), '0'+byte(rest%10))
}

func requestID(dst []byte, draw uint64) []byte {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], mix(draw))
	binary.LittleEndian.PutUint64(b[8:], draw)
	return hex.AppendEncode(dst, b[:])
}
