package detect

// class is how a token is used. Tokens of a class are alike in how often they do something
// new, so what makes an alert is pooled over each (see calibration.go). It is read from the
// profile whenever it is asked for, and so follows a token that changes.
type class uint8

const (
	sparse      class = iota // seen on few days, or hardly at all
	person                   // keeps hours
	server                   // runs round the clock
	cron                     // runs at the same few hours
	fleetWorker              // one token on many machines or networks
	classes
)

const (
	sparseDays    = 0.25 // of its days active, or fewer
	sparseEvents  = 3    // a day, or fewer
	serverHours   = 18   // active hours of an active day, from here on
	cronHours     = 6    // active hours of an active day, up to here
	cronEveryDay  = 0.9  // of its days active, and its weekends
	fleetNetworks = 8
)

func (c class) String() string {
	return [...]string{"sparse", "person", "server", "cron", "fleet worker"}[c]
}

// class tells a profile's class.
func (p *profile) class() class { return p.classOf(p.hours.total()) }

// class tells the class of the profile at hand.
func (l *look) class() class { return l.profile.classOf(l.own().total) }

// classOf is the class of a profile with so many active hours.
func (p *profile) classOf(hours int) class {
	days := max(float64(p.day)-float64(p.first/daySeconds)+1, 1)
	active := float64(max(p.days, 1))
	perDay := float64(hours) / active
	switch {
	case active/days < sparseDays, float64(p.events)/active < sparseEvents:
		return sparse
	case int(p.habits.n[networks]) >= fleetNetworks && perDay >= serverHours/2:
		return fleetWorker
	case perDay >= serverHours:
		return server
	case perDay <= cronHours && active/days >= cronEveryDay && days >= 7:
		return cron
	}
	return person
}
