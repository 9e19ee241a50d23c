package detect

import "math"

// code codes the doings; what is news about an event is no state.
func (d *doings) code(c *coder) {
	for i := range d.addresses {
		c.bits(&d.addresses[i])
	}
	c.bits(&d.routes)
	c.bits(&d.fresh)
	number(c, &d.clock)
	number(c, &d.paths)
	number(c, &d.refused)
	for g := range d.sums {
		c.sum(&d.sums[g])
	}
	for g := range gauges {
		number(c, &d.mean[g])
		number(c, &d.above[g])
		number(c, &d.today[g])
	}
	number(c, &d.networks)
	number(c, &d.nations)
	number(c, &d.run)
	number(c, &d.gap)
	number(c, &d.longest)
	number(c, &d.worst)
	number(c, &d.methods)
}

// bits codes a set.
func (c *coder) bits(v *uint64) {
	n := int64(*v)
	c.int64(&n)
	*v = uint64(n)
}

// sum codes a number from 0 on, exactly.
func (c *coder) sum(v *float32) {
	n := math.Float32bits(*v)
	number(c, &n)
	if *v = math.Float32frombits(n); !(*v >= 0) {
		c.fail()
	}
}

func (k *pools) code(c *coder) {
	c.bits(&k.salt)
	k.each(func(t *tail) { t.code(c) })
	c.count(&k.days)
	c.count(&k.alerted)
	c.count(&k.readers)
	c.count(&k.first)
}

// code codes a tail up to the last bin that holds anything.
func (t *tail) code(c *coder) {
	c.count(&t.days)
	n := 0
	for i, b := range t.bins {
		if b != 0 {
			n = i + 1
		}
	}
	c.length(&n)
	if n > tailBins {
		c.fail()
		return
	}
	for i := range n {
		c.count(&t.bins[i])
	}
}
