package clickhouse

import "slices"

// Grow makes room for n more rows. Texts take what room they had in earlier blocks, and grow.
func (c *eventColumns) Grow(n int) {
	c.room = max(c.room, c.Len()+n)
	c.ts.Data, c.ingestedAt.Data = slices.Grow(c.ts.Data, n), slices.Grow(c.ingestedAt.Data, n)
	c.tsRaw.grow(n)

	c.token, c.former = slices.Grow(c.token, n), slices.Grow(c.former, n)
	c.tokenKey = slices.Grow(c.tokenKey, n)

	c.ip = slices.Grow(c.ip, n)
	c.ipFrom.ColEnum8, c.network.ColEnum8 = slices.Grow(c.ipFrom.ColEnum8, n), slices.Grow(c.network.ColEnum8, n)
	c.ipSpoofed = slices.Grow(c.ipSpoofed, n)
	c.lat, c.lon = slices.Grow(c.lat, n), slices.Grow(c.lon, n)
	c.accuracyKM = slices.Grow(c.accuracyKM, n)
	c.asn = slices.Grow(c.asn, n)

	c.status = slices.Grow(c.status, n)
	c.bytesIn, c.bytesOut = slices.Grow(c.bytesIn, n), slices.Grow(c.bytesOut, n)
	c.latencyUS = slices.Grow(c.latencyUS, n)
	c.unitsIn, c.unitsOut = slices.Grow(c.unitsIn, n), slices.Grow(c.unitsOut, n)
	c.costUSD = slices.Grow(c.costUSD, n)

	c.partition = slices.Grow(c.partition, n)
	c.offset = slices.Grow(c.offset, n)
	c.item = slices.Grow(c.item, n)
	for _, w := range []*words{
		&c.tokenHint, &c.consumer, &c.environment, &c.source, &c.country, &c.region, &c.city, &c.asOrg,
		&c.method, &c.route, &c.userAgent, &c.client, &c.topic,
	} {
		w.rows = slices.Grow(w.rows, n)
	}
}
