package simulate

import "time"

// The habits of what runs by itself: where it stands, its schedule, and what it asks for.

func (f *Fleet) server(d dice, t *token, rate float64) *place {
	o := t.owner
	t.Environment = pick(d, []string{"prod", "prod", "prod", "prod", "dev", "test"})
	t.diet = diets()[pick(d, []string{"assistant", "rag", "rag", "embedder", "assistant"})]
	t.retries = d.chance(0.7)
	v := &server{
		rate: rate / 24, zone: o.home.zone, client: install(d, workService),
		trend: d.normal(0.08, 0.3), noise: d.between(0.08, 0.4), bursts: 0.012 * d.logNormal(1, 0.8), deploys: d.between(0.05, 0.35),
	}
	v.curve = pick(d, []curve{
		{0.05, 12, 0, 1},         // machines talking to machines
		{0.55, 20, -0.1, 1.1},    // consumers, in the evening
		{0.6, 14, 0.1, 0.9},      // customers over the day
		{0.85, 13.5, 0.15, 0.35}, // offices
		{0.25, 17, 0, 1},         // customers all over the world
	})
	customers := o.home
	if d.chance(0.15) { // they live elsewhere
		customers = pick(d, f.atlas.cities)
		v.zone = customers.zone
	}
	v.egress = f.egress(d, o)
	if f.config.Plan != nil {
		v.weather, v.country = forecast(d, f.climates), customers.country
	}
	t.habit = v
	return o.home
}

func (f *Fleet) worker(d dice, t *token, rate float64) *place {
	home := f.server(d, t, rate)
	w := &worker{server: *t.habit.(*server), each: rate / 24 / d.between(2, 10), life: time.Duration(d.logNormal(4, 0.8) * float64(time.Hour))}
	w.clouds = t.owner.clouds[:1]
	if d.chance(0.3) { // in every region that the company has
		w.clouds = t.owner.clouds
	}
	t.Environment, t.habit = "prod", w
	return home
}

// egress draws a service's addresses: a few fixed ones, or a platform's pool.
func (f *Fleet) egress(d dice, o *owner) []line {
	if o.onPremises {
		return o.offices[0].uplinks[:1]
	}
	cloud := pick(d, o.clouds)
	if d.chance(0.12) { // functions as a service: whatever machine is free
		pool := make([]line, d.whole(8, 40))
		for i := range pool {
			pool[i] = line{network: cloud, seed: d.Uint64(), lease: time.Duration(d.between(10, 150) * float64(time.Hour)), roams: true}
		}
		return pool
	}
	addresses := make([]line, d.whole(1, 4))
	for i := range addresses {
		addresses[i] = fixed(d, cloud)
		if d.chance(0.08) { // machines come and go
			addresses[i].lease = time.Duration(d.between(8, 60) * float64(day))
		}
	}
	if len(o.clouds) > 1 && d.chance(0.15) { // a second region
		addresses = append(addresses, fixed(d, o.clouds[1]))
	}
	return addresses
}

func (f *Fleet) cron(d dice, t *token, rate float64) *place {
	o := t.owner
	t.Environment = pick(d, []string{"prod", "prod", "prod", "dev", "test"})
	t.diet = diets()[pick(d, []string{"pipeline", "publisher", "embedder", "mirror"})]
	t.retries = d.chance(0.4)
	tools := workJob
	if t.diet == diets()["embedder"] {
		tools = workScript
	}
	c := &cron{zone: o.home.zone, client: install(d, tools), spread: d.between(0.05, 0.45), pace: d.logNormal(1.6, 0.9), jitter: d.logNormal(6, 0.8)}
	if d.chance(0.4) {
		c.zone = time.UTC
	}
	switch x := d.Float64(); {
	case x < 0.42:
		c.every, c.minute = time.Hour, pick(d, []int{0, 0, 5, 10, 15, 17, 30, 42, 45})
	case x < 0.52:
		c.every, c.minute = 15*time.Minute, d.IntN(3)
	case x < 0.60:
		c.every, c.minute = 6*time.Hour, d.IntN(60)
	case x < 0.90:
		c.minute = pick(d, []int{0, 60, 90, 120, 150, 180, 240, 300, 360, 420, 540, 720, 780, 1080, 1320, 1380}) + pick(d, []int{0, 0, 0, 15, 7})
		if d.chance(0.25) {
			c.days = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
		}
	default:
		c.minute, c.days = d.IntN(1440), []time.Weekday{time.Weekday(d.IntN(7))}
	}
	if d.chance(0.15) { // a hosted scheduler, which is never on time
		c.jitter = d.between(120, 700)
	}
	runs := 1.0
	if c.every > 0 {
		runs = float64(day) / float64(c.every)
	}
	c.run = max(1, rate/runs)
	c.egress = fixed(d, pick(d, o.clouds))
	if o.onPremises || d.chance(0.2) {
		c.egress = o.offices[0].uplinks[0]
	}
	t.habit = c
	return o.home
}

func (f *Fleet) batch(d dice, t *token, rate float64) *place {
	o := t.owner
	t.Environment = pick(d, []string{"prod", "dev", "dev"})
	t.diet = diets()[pick(d, []string{"embedder", "pipeline", "rag", "mirror"})]
	t.retries = d.chance(0.5)
	b := &batch{
		often: d.between(0.15, 0.7), size: rate, pace: d.logNormal(4, 0.8), zone: o.home.zone,
		nightly: d.chance(0.35), client: install(d, workScript),
	}
	b.egress = []line{fixed(d, pick(d, o.clouds)), fixed(d, pick(d, o.clouds))}
	if d.chance(0.35) {
		b.egress = o.offices[0].uplinks
	}
	t.habit = b
	return o.home
}

func (f *Fleet) ci(d dice, t *token, rate float64) *place {
	o := t.owner
	t.Environment, t.diet, t.retries = "test", diets()["tests"], true
	c := &ci{run: d.between(3, 14), zone: pick(d, o.offices).place.zone, client: install(d, workScript)}
	c.pushes = rate / c.run
	for _, n := range f.atlas.hosting { // hosted runners stand in one cloud's American regions
		if n.asn == 8075 && n.place.country == "US" {
			c.runners = append(c.runners, n)
		}
	}
	if len(c.runners) == 0 || d.chance(0.3) { // their own
		c.runners = o.clouds[:1]
	}
	t.habit = c
	return o.home
}
