package main

import (
	"encoding/json"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// decoded is a line of decode --json: an event under the names of its columns in
// ClickHouse, or a refusal. What the record does not say is left out.
type decoded struct {
	At     string `json:"at"` // file and line
	Source string `json:"source"`

	Time        string  `json:"ts,omitempty"`
	TimeRaw     string  `json:"ts_raw,omitempty"`
	Token       string  `json:"token,omitempty"`
	TokenHint   string  `json:"token_hint,omitempty"`
	Consumer    string  `json:"consumer,omitempty"`
	Environment string  `json:"environment,omitempty"`
	IP          string  `json:"ip,omitempty"`
	IPFrom      string  `json:"ip_from,omitempty"`
	IPSpoofed   bool    `json:"ip_spoofed,omitempty"`
	Country     string  `json:"country,omitempty"`
	Region      string  `json:"region,omitempty"`
	City        string  `json:"city,omitempty"`
	Lat         float32 `json:"lat,omitempty"`
	Lon         float32 `json:"lon,omitempty"`
	AccuracyKM  uint16  `json:"accuracy_km,omitempty"`
	ASN         uint32  `json:"asn,omitempty"`
	ASOrg       string  `json:"as_org,omitempty"`
	Network     string  `json:"network,omitempty"`
	Method      string  `json:"method,omitempty"`
	Route       string  `json:"route,omitempty"`
	Path        string  `json:"path,omitempty"`
	Status      *uint16 `json:"status,omitempty"`
	BytesIn     uint64  `json:"bytes_in,omitempty"`
	BytesOut    uint64  `json:"bytes_out,omitempty"`
	LatencyUS   int64   `json:"latency_us,omitempty"`
	UserAgent   string  `json:"user_agent,omitempty"`
	Client      string  `json:"client,omitempty"`
	UnitsIn     uint32  `json:"units_in,omitempty"`
	UnitsOut    uint32  `json:"units_out,omitempty"`
	CostUSD     float64 `json:"cost_usd,omitempty"`
	RequestID   string  `json:"request_id,omitempty"`
	Item        uint32  `json:"item"`

	Refused string `json:"refused,omitempty"` // reason
	Detail  string `json:"detail,omitempty"`
	Payload string `json:"payload,omitempty"` // scrubbed
}

func eventLine(at string, e *schema.Event) decoded {
	d := decoded{
		At: at, Source: e.Source, Time: e.Time.UTC().Format(time.RFC3339Nano), Token: e.Token.String(), TokenHint: e.TokenHint,
		Consumer: e.Consumer, Environment: e.Environment, IPFrom: e.IPFrom.String(), IPSpoofed: e.IPSpoofed,
		Country: e.Country, Region: e.Region, City: e.City, Lat: e.Lat, Lon: e.Lon, AccuracyKM: e.AccuracyKM, ASN: e.ASN, ASOrg: e.ASOrg,
		Method: e.Method, Route: e.Route, Path: e.Path, Status: &e.Status, BytesIn: e.BytesIn, BytesOut: e.BytesOut,
		LatencyUS: e.Latency.Microseconds(), UserAgent: e.UserAgent, Client: e.Client,
		UnitsIn: e.UnitsIn, UnitsOut: e.UnitsOut, CostUSD: e.CostUSD, RequestID: e.RequestID, Item: e.Item,
	}
	if e.IP.IsValid() {
		d.IP = e.IP.Unmap().String()
	}
	if e.ASN != 0 {
		d.Network = e.Network.String()
	}
	if !e.TimeRaw.IsZero() {
		d.TimeRaw = e.TimeRaw.UTC().Format(time.RFC3339Nano)
	}
	return d
}

func letterLine(at string, l *schema.DeadLetter) decoded {
	return decoded{At: at, Source: l.Source, Item: l.Item, Refused: l.Reason, Detail: l.Detail, Payload: l.Payload}
}

func (t *narrator) encode(line decoded) {
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(line) // Flush reports what could not be written
}
