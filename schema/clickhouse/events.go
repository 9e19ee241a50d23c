package clickhouse

import (
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// eventColumns is a block of the events table, a buffer per column. The same columns
// carry rows in both directions.
type eventColumns struct {
	ts         timeColumn
	tsRaw      optionalTime
	ingestedAt timeColumn

	token       proto.ColFixedStr16
	tokenKey    proto.ColUInt16
	former      proto.ColFixedStr16
	tokenHint   words
	consumer    words
	environment words
	source      words

	ip         proto.ColIPv6
	ipFrom     enumColumn
	ipSpoofed  proto.ColBool
	country    words
	region     words
	city       words
	lat, lon   proto.ColFloat32
	accuracyKM proto.ColUInt16
	asn        proto.ColUInt32
	asOrg      words
	network    enumColumn

	method    words
	route     words
	path      textColumn
	status    proto.ColUInt16
	bytesIn   proto.ColUInt64
	bytesOut  proto.ColUInt64
	latencyUS proto.ColUInt64
	userAgent words
	client    words

	unitsIn  proto.ColUInt32
	unitsOut proto.ColUInt32
	costUSD  proto.ColFloat64

	requestID textColumn
	topic     words
	partition proto.ColInt32
	offset    proto.ColInt64
	item      proto.ColUInt32

	room int // rows that there is room for, see Grow
}

func newEventColumns() *eventColumns {
	return &eventColumns{
		ts:         newTime(),
		tsRaw:      newOptionalTime(),
		ingestedAt: newTime(),
		ipFrom:     newEnum(schema.IPFromNames),
		network:    newEnum(schema.NetworkNames),
	}
}

// column is a column's name and its buffer.
type column struct {
	name string
	data proto.Column
}

// columns names the buffers as the table does.
func (c *eventColumns) columns() []column {
	return []column{
		{"ts", &c.ts}, {"ts_raw", c.tsRaw}, {"ingested_at", &c.ingestedAt},
		{"token", &c.token}, {"token_key", &c.tokenKey}, {"former", &c.former}, {"token_hint", &c.tokenHint},
		{"consumer", &c.consumer}, {"environment", &c.environment}, {"source", &c.source},
		{"ip", &c.ip}, {"ip_from", &c.ipFrom}, {"ip_spoofed", &c.ipSpoofed},
		{"country", &c.country}, {"region", &c.region}, {"city", &c.city},
		{"lat", &c.lat}, {"lon", &c.lon}, {"accuracy_km", &c.accuracyKM},
		{"asn", &c.asn}, {"as_org", &c.asOrg}, {"network", &c.network},
		{"method", &c.method}, {"route", &c.route}, {"path", &c.path}, {"status", &c.status},
		{"bytes_in", &c.bytesIn}, {"bytes_out", &c.bytesOut}, {"latency_us", &c.latencyUS},
		{"user_agent", &c.userAgent}, {"client", &c.client},
		{"units_in", &c.unitsIn}, {"units_out", &c.unitsOut}, {"cost_usd", &c.costUSD},
		{"request_id", &c.requestID}, {"topic", &c.topic}, {"partition", &c.partition},
		{"offset", &c.offset}, {"item", &c.item},
	}
}

// append adds one event.
func (c *eventColumns) append(e *schema.Event) {
	c.ts.Append(e.Time)
	c.tsRaw.Append(e.TimeRaw)
	c.ingestedAt.Append(e.Ingested)

	c.token.Append(e.Token)
	c.tokenKey.Append(e.KeyID)
	c.former.Append(e.Former)
	c.tokenHint.Append(e.TokenHint)
	c.consumer.Append(e.Consumer)
	c.environment.Append(e.Environment)
	c.source.Append(e.Source)

	c.ip = appendAddress(c.ip, e.IP)
	c.ipFrom.Append(proto.Enum8(e.IPFrom))
	c.ipSpoofed.Append(e.IPSpoofed)
	c.country.Append(e.Country)
	c.region.Append(e.Region)
	c.city.Append(e.City)
	c.lat.Append(e.Lat)
	c.lon.Append(e.Lon)
	c.accuracyKM.Append(e.AccuracyKM)
	c.asn.Append(e.ASN)
	c.asOrg.Append(e.ASOrg)
	c.network.Append(proto.Enum8(e.Network))

	c.method.Append(e.Method)
	c.route.Append(e.Route)
	c.path.Append(e.Path)
	c.status.Append(e.Status)
	c.bytesIn.Append(e.BytesIn)
	c.bytesOut.Append(e.BytesOut)
	c.latencyUS.Append(uint64(max(0, e.Latency.Microseconds())))
	c.userAgent.Append(e.UserAgent)
	c.client.Append(e.Client)

	c.unitsIn.Append(e.UnitsIn)
	c.unitsOut.Append(e.UnitsOut)
	c.costUSD.Append(e.CostUSD)

	c.requestID.Append(e.RequestID)
	c.topic.Append(e.Topic)
	c.partition.Append(e.Partition)
	c.offset.Append(e.Offset)
	c.item.Append(e.Item)
}

// event is append undone, of rows that were read.
func (c *eventColumns) event(i int) schema.Event {
	e := c.row(i)
	e.Path, e.RequestID = c.path.Row(i), c.requestID.Row(i)
	return e
}

// row is an event but for its texts that are columns of their own.
func (c *eventColumns) row(i int) schema.Event {
	return schema.Event{
		Time:        c.ts.Row(i),
		TimeRaw:     c.tsRaw.Row(i),
		Ingested:    c.ingestedAt.Row(i),
		Token:       c.token[i],
		KeyID:       c.tokenKey[i],
		Former:      c.former[i],
		TokenHint:   c.tokenHint.Row(i),
		Consumer:    c.consumer.Row(i),
		Environment: c.environment.Row(i),
		Source:      c.source.Row(i),
		IP:          addressOf(c.ip[i]),
		IPFrom:      schema.IPFrom(c.ipFrom.Row(i)),
		IPSpoofed:   c.ipSpoofed[i],
		Place:       c.place(i),
		Method:      c.method.Row(i),
		Route:       c.route.Row(i),
		Status:      c.status[i],
		BytesIn:     c.bytesIn[i],
		BytesOut:    c.bytesOut[i],
		Latency:     time.Duration(c.latencyUS[i]) * time.Microsecond,
		UserAgent:   c.userAgent.Row(i),
		Client:      c.client.Row(i),
		UnitsIn:     c.unitsIn[i],
		UnitsOut:    c.unitsOut[i],
		CostUSD:     c.costUSD[i],
		Topic:       c.topic.Row(i),
		Partition:   c.partition[i],
		Offset:      c.offset[i],
		Item:        c.item[i],
	}
}

func (c *eventColumns) place(i int) schema.Place {
	return schema.Place{
		Country:    c.country.Row(i),
		Region:     c.region.Row(i),
		City:       c.city.Row(i),
		Lat:        c.lat[i],
		Lon:        c.lon[i],
		AccuracyKM: c.accuracyKM[i],
		ASN:        c.asn[i],
		ASOrg:      c.asOrg.Row(i),
		Network:    schema.Network(c.network.Row(i)),
	}
}
