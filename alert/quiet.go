package alert

import (
	"fmt"
	"strings"
	"time"
)

// QuietHours are hours of the week in which a receiver is left alone, as people write them: "22:00-07:00",
// "Sat-Sun 00:00-24:00", "Mon-Fri 18:30-08:00". The days are those on which the hours begin; hours that end before they begin go on into
// the next day.
type QuietHours struct {
	text     string
	days     [7]bool
	from, to time.Duration // since midnight
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseQuietHours reads hours of the week.
func ParseQuietHours(text string) (QuietHours, error) {
	q := QuietHours{text: text}
	days, hours, both := strings.Cut(strings.TrimSpace(text), " ")
	if !both {
		days, hours = "Sun-Sat", days
	}
	from, to, found := strings.Cut(strings.TrimSpace(hours), "-")
	var ok1, ok2 bool
	q.from, ok1 = clock(from)
	q.to, ok2 = clock(to)
	if !found || !ok1 || !ok2 || q.from == q.to || !q.pick(days) {
		return q, fmt.Errorf(`%q: want hours such as "22:00-07:00" or "Sat-Sun 00:00-24:00"`, text)
	}
	return q, nil
}

// clock reads 07:30 as the time since midnight.
func clock(s string) (time.Duration, bool) {
	var hour, minute int
	if n, err := fmt.Sscanf(s, "%d:%d", &hour, &minute); n != 2 || err != nil || len(s) > 5 {
		return 0, false
	}
	d := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	return d, hour >= 0 && minute >= 0 && minute < 60 && d <= 24*time.Hour
}

// pick reads days: Mon, Mon-Fri, or Mon,Wed,Sat-Sun.
func (q *QuietHours) pick(days string) bool {
	for part := range strings.SplitSeq(days, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, to := weekday(first), weekday(last)
		if from < 0 || to < 0 {
			return false
		}
		for day := from; ; day = (day + 1) % 7 {
			q.days[day] = true
			if day == to {
				break
			}
		}
	}
	return true
}

func weekday(name string) int {
	for i, short := range weekdays {
		if strings.HasPrefix(strings.ToLower(name), short) {
			return i
		}
	}
	return -1
}

// MarshalText writes the hours as they were read.
func (q QuietHours) MarshalText() ([]byte, error) { return []byte(q.text), nil }

// UnmarshalText is ParseQuietHours.
func (q *QuietHours) UnmarshalText(text []byte) (err error) {
	*q, err = ParseQuietHours(string(text))
	return err
}

// end is when the quiet that now is in ends; zero if now is not quiet. Clocks that are put forward or back make
// a night shorter or longer, not wrong: both ends are looked up on the wall.
func (q QuietHours) end(now time.Time, zone *time.Location) time.Time {
	here := now.In(zone)
	for _, day := range []int{0, -1} {
		midnight := time.Date(here.Year(), here.Month(), here.Day()+day, 0, 0, 0, 0, zone)
		if !q.days[midnight.Weekday()] {
			continue
		}
		to := q.to
		if to <= q.from {
			to += 24 * time.Hour
		}
		if begin, end := wall(midnight, q.from), wall(midnight, to); !now.Before(begin) && now.Before(end) {
			return end
		}
	}
	return time.Time{}
}

func wall(midnight time.Time, since time.Duration) time.Time {
	return time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, int(since/time.Minute), 0, 0, midnight.Location())
}

// quietUntil is when the quiet that now is in ends, if one ends where the next begins then that one's end. It is zero
// if now is not quiet, and never more than a week away: hours that cover the whole week let something out once in it.
func quietUntil(list []QuietHours, zone *time.Location, now time.Time) time.Time {
	var until time.Time
	for at := now; at.Sub(now) < 7*24*time.Hour; at = until {
		next := time.Time{}
		for _, q := range list {
			if end := q.end(at, zone); end.After(next) {
				next = end
			}
		}
		if next.IsZero() {
			break
		}
		until = next
	}
	return until
}
